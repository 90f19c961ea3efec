// Which report the page shows, of which vehicles and time, and how it is sorted.
import type { Kept } from '#shared/address.svelte.ts'
import { TRAITS } from '#shared/traits.ts'
import type { Wanted } from '#shared/traits.ts'

class View implements Kept {
  report = $state<string | null>(null)
  wanted = $state.raw<Wanted>({})
  /** Hours before now; empty: as the report does, or from and to. */
  hours = $state('')
  from = $state('')
  to = $state('')
  threshold = $state('')
  attribute = $state('')
  /** A column, with a - before it when the greatest comes first. */
  sort = $state('')

  readonly filtered = $derived(TRAITS.some((trait) => this.wanted[trait]))

  read(query: URLSearchParams): void {
    this.report = query.get('report')
    this.wanted = Object.fromEntries(TRAITS.flatMap((trait) => (query.get(trait) ? [[trait, query.get(trait)]] : [])))
    this.hours = /^[1-9]\d{0,2}$/.test(query.get('hours') ?? '') ? (query.get('hours') ?? '') : ''
    this.from = instant(query.get('from'))
    this.to = instant(query.get('to'))
    this.threshold = query.get('threshold') ?? ''
    this.attribute = query.get('attribute') ?? ''
    this.sort = query.get('sort') ?? ''
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.report) query.set('report', this.report)
    for (const [key, value] of Object.entries(this.wanted)) if (value) query.set(key, value)
    for (const key of ['hours', 'from', 'to', 'threshold', 'attribute', 'sort'] as const) if (this[key]) query.set(key, this[key])
    return query
  }

  open(): string {
    return this.report ? 'reports/report' : 'reports'
  }

  /** The address of another report, of the same vehicles and time. */
  hrefOf(report: string | null): string {
    const query = this.query()
    for (const key of ['report', 'threshold', 'attribute', 'sort']) query.delete(key)
    if (report) query.set('report', report)
    return `/reports${query.size ? `?${query.toString()}` : ''}`
  }
}

const instant = (text: string | null): string => (text !== null && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : '')

export const view = new View()
