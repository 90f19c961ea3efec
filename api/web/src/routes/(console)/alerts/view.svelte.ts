// Which alerts the page shows, and which one is open.
import type { Kept } from '#shared/address.svelte.ts'

/** Alerts by state; `open`: active, cleared and seen by nobody, or waiting for a decision. */
export type Phase = 'open' | 'active' | 'cleared' | 'resolved' | 'waiting' | 'mine'
export type Acknowledged = 'any' | 'no' | 'yes'

const PHASES: readonly Phase[] = ['open', 'active', 'cleared', 'resolved', 'waiting', 'mine']
const ACKNOWLEDGED: readonly Acknowledged[] = ['any', 'no', 'yes']

const IDS_MAX = 100

class View implements Kept {
  alert = $state<string | null>(null)
  phase = $state<Phase>('open')
  acknowledged = $state<Acknowledged>('any')
  text = $state('')
  /** Those that a message was about; none: all. */
  ids = $state.raw<readonly string[]>([])

  read(query: URLSearchParams): void {
    this.alert = query.get('alert')
    this.phase = PHASES.find((p) => p === query.get('state')) ?? 'open'
    this.acknowledged = ACKNOWLEDGED.find((a) => a === query.get('ack')) ?? 'any'
    this.text = query.get('q') ?? ''
    this.ids = (query.get('ids') ?? '').split(',').filter((each) => /^\d+$/.test(each)).slice(0, IDS_MAX)
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.alert) query.set('alert', this.alert)
    if (this.phase !== 'open') query.set('state', this.phase)
    if (this.acknowledged !== 'any') query.set('ack', this.acknowledged)
    if (this.text) query.set('q', this.text)
    if (this.ids.length) query.set('ids', this.ids.join(','))
    return query
  }

  open(): string {
    return this.alert ? 'alerts/alert' : 'alerts'
  }
}

export const view = new View()
