// What the live page shows: which list, which filter, which vehicle. List and map both read it here, so they can never
// differ.
import type { Kept } from '#shared/address.svelte.ts'
import { STATUSES } from '#shared/status.ts'
import type { Status } from '#shared/status.ts'

import { isTrait, TRAITS } from '#shared/traits.ts'
import type { Trait, Wanted } from '#shared/traits.ts'

export type Tab = 'vehicles' | 'stock' | 'alerts'
export type Snap = 'peek' | 'half' | 'full'

class View implements Kept {
  tab = $state<Tab>('vehicles')
  selected = $state<string | null>(null)
  site = $state<string | null>(null)
  text = $state('')
  statuses = $state<Status[]>([])
  wanted = $state.raw<Wanted>({})
  by = $state<Trait | ''>('')
  stockText = $state('')
  lowOnly = $state(false)
  follow = $state(false)
  snap = $state<Snap>('half')

  select(vehicle: string | null): void {
    if (vehicle !== this.selected) this.follow = false
    this.selected = vehicle
    if (vehicle && this.snap === 'full') this.snap = 'half'
  }

  toggle(status: Status): void {
    this.statuses = this.statuses.includes(status)
      ? this.statuses.filter((s) => s !== status)
      : [...this.statuses, status]
  }

  read(query: URLSearchParams): void {
    const tab = query.get('tab')
    this.tab = tab === 'stock' || tab === 'alerts' ? tab : 'vehicles'
    this.selected = query.get('vehicle')
    this.site = query.get('site')
    const text = query.get('q') ?? ''
    this.text = this.tab === 'vehicles' ? text : ''
    this.stockText = this.tab === 'stock' ? text : ''
    const wanted = (query.get('status') ?? '').split(',')
    this.statuses = STATUSES.filter((s) => wanted.includes(s))
    this.wanted = Object.fromEntries(TRAITS.flatMap((trait) => (query.get(trait) ? [[trait, query.get(trait)]] : [])))
    const by = query.get('by')
    this.by = isTrait(by) ? by : ''
    this.lowOnly = query.get('low') === '1'
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.tab !== 'vehicles') query.set('tab', this.tab)
    if (this.selected) query.set('vehicle', this.selected)
    if (this.site) query.set('site', this.site)
    const text = this.tab === 'stock' ? this.stockText : this.tab === 'vehicles' ? this.text : ''
    if (text) query.set('q', text)
    if (this.tab === 'stock' && this.lowOnly) query.set('low', '1')
    if (this.statuses.length) query.set('status', this.statuses.join(','))
    for (const trait of TRAITS) if (this.wanted[trait]) query.set(trait, this.wanted[trait])
    if (this.by) query.set('by', this.by)
    return query
  }

  open(): string {
    const tab = this.tab === 'vehicles' ? 'map' : `map/${this.tab}`
    return this.selected ? `${tab}/vehicle` : this.site && this.tab === 'stock' ? `${tab}/site` : tab
  }
}

export const view = new View()
