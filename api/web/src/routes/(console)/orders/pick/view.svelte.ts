// Which orders are picked, in which zone if in one only: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  order = $state('')
  zone = $state('')

  read(query: URLSearchParams): void {
    this.order = query.get('order') ?? ''
    this.zone = query.get('zone') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({ ...(this.order ? { order: this.order } : {}), ...(this.zone ? { zone: this.zone } : {}) })
  }

  open(): string {
    return 'orders/pick'
  }
}

export const view = new View()
