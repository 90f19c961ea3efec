// Which zone of which site, how far back: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const DAYS = [14, 30, 90] as const

class View implements Kept {
  site = $state('')
  zone = $state('')
  days = $state<number>(DAYS[0])

  read(query: URLSearchParams): void {
    this.site = query.get('site') ?? ''
    this.zone = query.get('zone') ?? ''
    this.days = DAYS.find((each) => String(each) === query.get('days')) ?? DAYS[0]
  }

  query(): URLSearchParams {
    return new URLSearchParams({
      ...(this.site && { site: this.site }), ...(this.zone && { zone: this.zone }), ...(this.days !== DAYS[0] && { days: String(this.days) }),
    })
  }

  open(): string {
    return 'warehouse'
  }
}

export const view = new View()
