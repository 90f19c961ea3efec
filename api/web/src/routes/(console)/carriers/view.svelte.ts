// Which carrier is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  carrier = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.carrier = query.get('carrier')
  }

  query(): URLSearchParams {
    return this.carrier ? new URLSearchParams({ carrier: this.carrier }) : new URLSearchParams()
  }

  open(): string {
    return this.carrier ? 'carriers/carrier' : 'carriers'
  }
}

export const view = new View()
