// Links for customers that were made on this page. A link is shown once by the server, so it stays here until closed.
export interface MadeLink {
  /** Its id. */
  share: string
  shipment: string
  label: string
  url: string
}

class MadeLinks {
  all = $state<MadeLink[]>([])

  /** One for each shipment and recipient: a new one takes the place of the former. */
  add(link: MadeLink): void {
    this.all = [link, ...this.all.filter((each) => each.shipment !== link.shipment || each.label !== link.label)]
  }

  close(share: string): void {
    this.all = this.all.filter((each) => each.share !== share)
  }
}

export const madeLinks = new MadeLinks()
