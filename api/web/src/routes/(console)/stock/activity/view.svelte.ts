// Which site, how far back, and by what it is coloured: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'
import { MEASURES } from '#shared/stock/heat.ts'
import type { Measure } from '#shared/stock/heat.ts'

export const DAYS = [7, 30] as const

class View implements Kept {
  site = $state('')
  days = $state<number>(DAYS[0])
  by = $state<Measure>('activity')

  read(query: URLSearchParams): void {
    this.site = query.get('site') ?? ''
    this.days = DAYS.find((each) => String(each) === query.get('days')) ?? DAYS[0]
    this.by = MEASURES.find((each) => each === query.get('by')) ?? 'activity'
  }

  query(): URLSearchParams {
    return new URLSearchParams({
      ...(this.site && { site: this.site }), ...(this.days !== DAYS[0] && { days: String(this.days) }), ...(this.by !== 'activity' && { by: this.by }),
    })
  }

  open(): string {
    return 'activity'
  }
}

export const view = new View()
