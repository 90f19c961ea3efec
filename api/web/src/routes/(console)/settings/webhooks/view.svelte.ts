// Which webhook is open, and which of its deliveries are shown: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const FILTERS = ['', 'waiting', 'done', 'gave up'] as const
export type Filter = (typeof FILTERS)[number]

class View implements Kept {
  webhook = $state<string | null>(null)
  state = $state<Filter>('')

  read(query: URLSearchParams): void {
    this.webhook = query.get('webhook')
    this.state = FILTERS.find((each) => each === query.get('state')) ?? ''
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.webhook) query.set('webhook', this.webhook)
    if (this.webhook && this.state) query.set('state', this.state)
    return query
  }

  open(): string {
    return this.webhook ? 'webhooks/webhook' : 'webhooks'
  }
}

export const view = new View()
