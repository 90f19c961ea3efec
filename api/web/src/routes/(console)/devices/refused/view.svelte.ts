// Which refused messages the page shows and which is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  device = $state('')
  reason = $state('')
  waiting = $state(true)
  message = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.device = query.get('device') ?? ''
    this.reason = query.get('reason') ?? ''
    this.waiting = query.get('all') !== '1'
    this.message = query.get('message')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.device) query.set('device', this.device)
    if (this.reason) query.set('reason', this.reason)
    if (!this.waiting) query.set('all', '1')
    if (this.message) query.set('message', this.message)
    return query
  }

  open(): string {
    return this.message ? 'refused/message' : 'refused'
  }
}

export const view = new View()
