// Of what a file is brought: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'
import type { Kind } from '#shared/files/bring.ts'

export const KINDS: readonly Kind[] = ['products', 'vehicles', 'sites', 'shipments', 'customers', 'orders', 'sales']

class View implements Kept {
  kind = $state<Kind>('products')

  read(query: URLSearchParams): void {
    this.kind = KINDS.find((each) => each === query.get('of')) ?? 'products'
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.kind === 'products' ? {} : { of: this.kind })
  }

  open(): string {
    return `files/${this.kind}`
  }
}

export const view = new View()
