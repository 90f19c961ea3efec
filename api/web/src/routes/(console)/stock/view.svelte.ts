// Which stock is listed, and of which number the history is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'
import { keyOf } from '#shared/stock/lines.ts'

export const LISTS = ['all', 'low', 'expiring', 'count'] as const
export type List = (typeof LISTS)[number]
const NAMES = ['site', 'zone', 'bin', 'sku', 'lot'] as const

class View implements Kept {
  list = $state<List>('all')
  text = $state('')
  site = $state('')
  zone = $state('')
  bin = $state('')
  sku = $state('')
  lot = $state('')
  line = $state('')

  read(query: URLSearchParams): void {
    this.list = LISTS.find((each) => each === query.get('list')) ?? 'all'
    this.text = query.get('q') ?? ''
    for (const name of NAMES) this[name] = query.get(name) ?? ''
    this.line = keyOf(query.get('line') ?? '') ? (query.get('line') ?? '') : ''
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.list !== 'all') query.set('list', this.list)
    if (this.text) query.set('q', this.text)
    for (const name of NAMES) if (this[name]) query.set(name, this[name])
    if (this.line) query.set('line', this.line)
    return query
  }

  open(): string {
    return this.line ? 'stock/line' : 'stock'
  }
}

export const view = new View()
