// Which returns the page shows, which one is open, and whether one is announced: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const STATES = ['all', 'announced', 'received', 'decided'] as const
export type State = (typeof STATES)[number]

class View implements Kept {
  state = $state<State>('all')
  order = $state('')
  return = $state<string | null>(null)
  adding = $state(false)

  read(query: URLSearchParams): void {
    this.state = STATES.find((each) => each === query.get('state')) ?? 'all'
    this.order = query.get('order') ?? ''
    this.return = query.get('return')
    this.adding = query.get('do') === 'new'
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.state !== 'all') query.set('state', this.state)
    if (this.order) query.set('order', this.order)
    if (this.return) query.set('return', this.return)
    if (this.adding) query.set('do', 'new')
    return query
  }

  open(): string {
    return this.adding ? 'returns/new' : this.return ? 'returns/return' : 'returns'
  }
}

export const view = new View()
