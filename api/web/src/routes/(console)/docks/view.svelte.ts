// Which site, day and appointment are open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  site = $state<string | null>(null)
  /** '2026-12-01' in the site's zone; null: today. */
  day = $state<string | null>(null)
  appointment = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.site = query.get('site')
    this.day = /^\d{4}-\d\d-\d\d$/.exec(query.get('day') ?? '')?.[0] ?? null
    this.appointment = query.get('appointment')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.site) query.set('site', this.site)
    if (this.day) query.set('day', this.day)
    if (this.appointment) query.set('appointment', this.appointment)
    return query
  }

  open(): string {
    return this.appointment ? 'docks/appointment' : 'docks'
  }
}

export const view = new View()
