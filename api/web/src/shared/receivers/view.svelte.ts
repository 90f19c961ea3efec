// A page of receivers: those there are, which one is open and which of its deliveries are shown. What is open is kept in the address.
import type { Kept } from '#shared/address.svelte.ts'
import { words } from '#shared/api/client.ts'

import { FILTERS } from './words.ts'
import type { Filter, Kind, Receiver } from './words.ts'

export class ReceiversView<R extends Receiver> implements Kept {
  readonly kind: Kind<R>
  chosen = $state<string | null>(null)
  state = $state<Filter>('')
  adding = $state(false)
  /** undefined: not read yet. */
  all = $state.raw<readonly R[] | undefined>()
  failed = $state('')

  constructor(kind: Kind<R>) {
    this.kind = kind
  }

  get one(): R | undefined {
    return this.all?.find((each) => each.id === this.chosen)
  }

  get path(): string {
    return `/settings/${this.kind.name}s`
  }

  href(id: string): string {
    return `${this.path}?${this.kind.name}=${encodeURIComponent(id)}`
  }

  async list(): Promise<void> {
    try {
      this.all = await this.kind.all()
      this.failed = ''
    } catch (error) {
      this.failed = `${this.kind.words.unread}: ${words(error)}`
    }
  }

  /** One that was made, or changed. */
  async show(id: string): Promise<void> {
    await this.list()
    ;[this.chosen, this.state] = [id, '']
  }

  async removed(): Promise<void> {
    this.chosen = null
    await this.list()
  }

  read(query: URLSearchParams): void {
    this.chosen = query.get(this.kind.name)
    this.state = FILTERS.find((each) => each === query.get('state')) ?? ''
    this.adding = query.get('do') === 'new'
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.chosen) query.set(this.kind.name, this.chosen)
    if (this.chosen && this.state) query.set('state', this.state)
    if (this.adding) query.set('do', 'new')
    return query
  }

  open(): string {
    return `${this.kind.name}s${this.adding ? '/new' : this.chosen ? '/one' : ''}`
  }
}
