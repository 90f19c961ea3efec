// Which wave is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  wave = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.wave = query.get('wave')
  }

  query(): URLSearchParams {
    return this.wave ? new URLSearchParams({ wave: this.wave }) : new URLSearchParams()
  }

  open(): string {
    return this.wave ? 'orders/waves/wave' : 'orders/waves'
  }
}

export const view = new View()
