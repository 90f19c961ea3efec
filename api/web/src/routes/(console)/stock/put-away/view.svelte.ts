// At which site goods are put away: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  site = $state('')

  read(query: URLSearchParams): void {
    this.site = query.get('site') ?? ''
  }

  query(): URLSearchParams {
    return this.site ? new URLSearchParams({ site: this.site }) : new URLSearchParams()
  }

  open(): string {
    return 'put-away'
  }
}

export const view = new View()
