// Links for customers that were made on this page. A link is shown once by the server, so it stays here until closed.
export interface MadeLink {
  shipment: string
  label: string
  url: string
  expires: string | null
}

class MadeLinks {
  all = $state<MadeLink[]>([])

  add(link: MadeLink): void {
    this.all = [link, ...this.all.filter((each) => each.shipment !== link.shipment)]
  }

  close(url: string): void {
    this.all = this.all.filter((each) => each.url !== url)
  }
}

export const madeLinks = new MadeLinks()

/** Copies a text, also where the page came over plain http and the clipboard of the browser is closed to it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement('textarea')
    field.value = text
    field.readOnly = true
    field.className = 'hidden'
    document.body.append(field)
    const before = document.activeElement as HTMLElement | null
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    before?.focus()
    return done
  }
}
