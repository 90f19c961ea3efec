// Which plan is open, and the one it is compared with: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  plan = $state<string | null>(null)
  other = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.plan = query.get('plan')
    this.other = query.get('with')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.plan) query.set('plan', this.plan)
    if (this.plan && this.other) query.set('with', this.other)
    return query
  }

  open(): string {
    return this.plan ? 'dispatch/plan' : 'dispatch'
  }
}

export const view = new View()
