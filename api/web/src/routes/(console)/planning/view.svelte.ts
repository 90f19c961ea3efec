// Which list, what is looked for, and which product is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const LISTS = ['all', 'out', 'excess', 'off'] as const
export type List = (typeof LISTS)[number]

class View implements Kept {
  list = $state<List>('all')
  text = $state('')
  /** `site/sku`. */
  line = $state('')

  read(query: URLSearchParams): void {
    this.list = LISTS.find((each) => each === query.get('list')) ?? 'all'
    this.text = query.get('q') ?? ''
    this.line = query.get('line') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({ ...(this.list !== 'all' && { list: this.list }), ...(this.text && { q: this.text }), ...(this.line && { line: this.line }) })
  }

  open(): string {
    return this.line ? `planning/${this.line}` : 'planning'
  }
}

export const view = new View()
