// Which products the page shows, and which one is chosen: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  text = $state('')
  sku = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.text = query.get('q') ?? ''
    this.sku = query.get('sku')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.text) query.set('q', this.text)
    if (this.sku) query.set('sku', this.sku)
    return query
  }

  open(): string {
    return this.sku ? 'products/one' : 'products'
  }
}

export const view = new View()
