// Which devices the page shows, and which is chosen: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const STATES = ['speaking', 'silent', 'never', 'revoked'] as const
export type State = (typeof STATES)[number]

class View implements Kept {
  text = $state('')
  state = $state<State | ''>('')
  device = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.text = query.get('q') ?? ''
    this.state = STATES.find((state) => state === query.get('state')) ?? ''
    this.device = query.get('device')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.text) query.set('q', this.text)
    if (this.state) query.set('state', this.state)
    if (this.device) query.set('device', this.device)
    return query
  }

  open(): string {
    return this.device ? 'devices/device' : 'devices'
  }
}

export const view = new View()
