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
