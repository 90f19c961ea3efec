// Which channel is open, or that one is being added: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  channel = $state<string | null>(null)
  adding = $state(false)

  read(query: URLSearchParams): void {
    this.channel = query.get('channel')
    this.adding = query.get('do') === 'new'
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.channel) query.set('channel', this.channel)
    if (this.adding) query.set('do', 'new')
    return query
  }

  open(): string {
    return this.adding ? 'channels/new' : this.channel ? 'channels/channel' : 'channels'
  }
}

export const view = new View()
