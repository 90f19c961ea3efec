import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  text = $state('')
  /** Those that have ended too. */
  ended = $state(false)

  read(query: URLSearchParams): void {
    this.text = query.get('q') ?? ''
    this.ended = query.get('ended') === '1'
  }

  query(): URLSearchParams {
    return new URLSearchParams({ ...(this.text ? { q: this.text } : {}), ...(this.ended ? { ended: '1' } : {}) })
  }

  open(): string {
    return 'links'
  }
}

export const view = new View()
