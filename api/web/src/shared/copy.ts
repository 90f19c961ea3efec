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
