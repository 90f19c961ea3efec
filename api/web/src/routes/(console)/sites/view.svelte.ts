// Which sites the page shows, which is chosen, and what is being done: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

import { KINDS } from './fence.ts'
import type { Kind } from './fence.ts'

export type Doing = 'new' | 'edit' | 'import'
const DOING: readonly string[] = ['new', 'edit', 'import']

class View implements Kept {
  text = $state('')
  kind = $state<Kind | ''>('')
  retired = $state(false)
  site = $state<string | null>(null)
  doing = $state<Doing | null>(null)

  read(query: URLSearchParams): void {
    this.text = query.get('q') ?? ''
    this.kind = KINDS.find((kind) => kind === query.get('kind')) ?? ''
    this.retired = query.get('retired') === '1'
    this.site = query.get('site')
    const doing = query.get('do')
    this.doing = DOING.includes(doing ?? '') && (doing !== 'edit' || this.site) ? (doing as Doing) : null
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.text) query.set('q', this.text)
    if (this.kind) query.set('kind', this.kind)
    if (this.retired) query.set('retired', '1')
    if (this.site) query.set('site', this.site)
    if (this.doing) query.set('do', this.doing)
    return query
  }

  open(): string {
    return ['sites', this.site ? 'site' : '', this.doing ?? ''].filter(Boolean).join('/')
  }

  choose(site: string | null): void {
    this.site = site
    this.doing = null
  }

  begin(doing: Doing): void {
    if (doing !== 'edit') this.site = null
    this.doing = doing
  }
}

export const view = new View()
