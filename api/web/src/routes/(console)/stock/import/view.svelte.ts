// With which columns one begins: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  template = $state('food')

  read(query: URLSearchParams): void {
    this.template = query.get('template') ?? 'food'
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.template === 'food' ? {} : { template: this.template })
  }

  open(): string {
    return 'inventory'
  }
}

export const view = new View()
