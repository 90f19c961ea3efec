// Which order is picked: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  order = $state('')

  read(query: URLSearchParams): void {
    this.order = query.get('order') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.order ? { order: this.order } : {})
  }

  open(): string {
    return 'orders/pick'
  }
}

export const view = new View()
