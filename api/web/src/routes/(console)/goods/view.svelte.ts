// Which goods the page shows, and which unit is chosen: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const VERDICTS = ['fail', 'indeterminate', 'pass'] as const
export type Verdict = (typeof VERDICTS)[number]

class View implements Kept {
  list = $state<'units' | 'lots'>('units')
  text = $state('')
  verdict = $state<Verdict | ''>('')
  closed = $state(false)
  unit = $state<string | null>(null)

  read(query: URLSearchParams): void {
    this.list = query.get('list') === 'lots' ? 'lots' : 'units'
    this.text = query.get('q') ?? ''
    this.verdict = VERDICTS.find((each) => each === query.get('budget')) ?? ''
    this.closed = query.get('ended') === '1'
    this.unit = query.get('unit')
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.list === 'lots') query.set('list', 'lots')
    if (this.text) query.set('q', this.text)
    if (this.verdict) query.set('budget', this.verdict)
    if (this.closed) query.set('ended', '1')
    if (this.unit) query.set('unit', this.unit)
    return query
  }

  open(): string {
    return this.unit ? 'goods/unit' : `goods/${this.list}`
  }
}

export const view = new View()
