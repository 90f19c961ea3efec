// Which periods and site, which figure is open and of which of its periods the facts: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const PERIODS = ['day', 'week', 'month'] as const
export type By = (typeof PERIODS)[number]
export const SPLITS = ['site', 'customer', 'carrier', 'lane', 'product', 'vehicle'] as const
export type Split = (typeof SPLITS)[number]

class View implements Kept {
  by = $state<By>('week')
  site = $state('')
  kpi = $state('')
  split = $state<Split | ''>('')
  /** The first day of the period whose facts are shown. */
  period = $state('')
  /** A day: as was known at its end. */
  asOf = $state('')

  read(query: URLSearchParams): void {
    this.by = PERIODS.find((each) => each === query.get('by')) ?? 'week'
    this.site = query.get('site') ?? ''
    this.kpi = query.get('kpi') ?? ''
    this.split = SPLITS.find((each) => each === query.get('split')) ?? ''
    this.period = query.get('period') ?? ''
    this.asOf = query.get('as_of') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({
      ...(this.by !== 'week' && { by: this.by }), ...(this.site && { site: this.site }), ...(this.kpi && { kpi: this.kpi }), ...(this.split && { split: this.split }),
      ...(this.period && { period: this.period }), ...(this.asOf && { as_of: this.asOf }),
    })
  }

  open(): string {
    return this.kpi ? `kpis/${this.kpi}` : 'kpis'
  }
}

export const view = new View()
