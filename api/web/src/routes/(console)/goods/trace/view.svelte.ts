// What is traced: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  code = $state('')

  read(query: URLSearchParams): void {
    this.code = query.get('of') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.code ? { of: this.code } : {})
  }

  open(): string {
    return this.code ? 'trace/one' : 'trace'
  }
}

export const view = new View()
