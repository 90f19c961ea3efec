// Which site, which list, and which product is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

export const LISTS = ['todo', 'all'] as const
export type List = (typeof LISTS)[number]

class View implements Kept {
  site = $state('')
  list = $state<List>('todo')
  text = $state('')
  sku = $state('')

  read(query: URLSearchParams): void {
    this.site = query.get('site') ?? ''
    this.list = LISTS.find((each) => each === query.get('list')) ?? 'todo'
    this.text = query.get('q') ?? ''
    this.sku = query.get('sku') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams({
      ...(this.site && { site: this.site }), ...(this.list !== 'todo' && { list: this.list }), ...(this.text && { q: this.text }), ...(this.sku && { sku: this.sku }),
    })
  }

  open(): string {
    return this.sku ? `replenishment/${this.site}/${this.sku}` : 'replenishment'
  }
}

export const view = new View()
