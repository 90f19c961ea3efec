import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  subject = $state('')
  actor = $state('')

  read(query: URLSearchParams): void {
    this.subject = query.get('subject') ?? ''
    this.actor = query.get('actor') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({ ...(this.subject ? { subject: this.subject } : {}), ...(this.actor ? { actor: this.actor } : {}) })
  }

  open(): string {
    return 'audit'
  }
}

export const view = new View()
