// Which orders the page shows, and which one is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const STATUSES = ['todo', 'open', 'allocated', 'picked', 'packed', 'loaded', 'delivered', 'returned', 'cancelled', 'all'] as const
export type Status = (typeof STATUSES)[number]

class View implements Kept {
  status = $state<Status>('todo')
  text = $state('')
  customer = $state('')
  order = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.status = STATUSES.find((each) => each === query.get('status')) ?? 'todo'
    this.text = query.get('q') ?? ''
    this.customer = query.get('customer') ?? ''
    this.order = query.get('order')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.status !== 'todo') query.set('status', this.status)
    if (this.text) query.set('q', this.text)
    if (this.customer) query.set('customer', this.customer)
    if (this.order) query.set('order', this.order)
    return query
  }

  open(): string {
    return this.order ? 'orders/order' : 'orders'
  }
}

export const view = new View()
