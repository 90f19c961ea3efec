// Where what comes in is put: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  site = $state('')
  zone = $state('')
  /** An order or delivery note that what comes in belongs to. */
  reference = $state('')

  read(query: URLSearchParams): void {
    this.site = query.get('site') ?? ''
    this.zone = this.site ? (query.get('zone') ?? '') : ''
    this.reference = query.get('reference') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({ ...(this.site && { site: this.site }), ...(this.zone && { zone: this.zone }), ...(this.reference && { reference: this.reference }) })
  }

  open(): string {
    return 'receive'
  }
}

export const view = new View()
