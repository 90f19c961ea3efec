// Which order is packed and loaded: kept in the address.
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
    return 'orders/pack'
  }
}

export const view = new View()
