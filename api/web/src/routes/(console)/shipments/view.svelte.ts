// Which shipments the page shows, which is chosen, and what is being done: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

import { RISKS, STATUSES } from './words.ts'
import type { Risk, Status } from './words.ts'

export type Doing = 'new' | 'edit' | 'import'
const DOING: readonly Doing[] = ['new', 'edit', 'import']

class View implements Kept {
  text = $state('')
  status = $state<Status | ''>('')
  vehicle = $state('')
  risk = $state<Risk | ''>('')
  older = $state(false)
  shipment = $state<string | null>(null)
  doing = $state<Doing | null>(null)

  read(query: URLSearchParams): void {
    this.text = query.get('q') ?? ''
    this.status = STATUSES.find((each) => each === query.get('status')) ?? ''
    this.vehicle = query.get('vehicle') ?? ''
    this.risk = RISKS.find((each) => each === query.get('only')) ?? ''
    this.older = query.get('older') === '1'
    this.shipment = query.get('shipment')
    const doing = DOING.find((each) => each === query.get('do')) ?? null
    this.doing = doing !== 'edit' || this.shipment ? doing : null
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.text) query.set('q', this.text)
    if (this.status) query.set('status', this.status)
    if (this.vehicle) query.set('vehicle', this.vehicle)
    if (this.risk) query.set('only', this.risk)
    if (this.older) query.set('older', '1')
    if (this.shipment) query.set('shipment', this.shipment)
    if (this.doing) query.set('do', this.doing)
    return query
  }

  open(): string {
    return ['shipments', this.shipment ? 'shipment' : '', this.doing ?? ''].filter(Boolean).join('/')
  }

  get filtered(): boolean {
    return !!(this.text || this.status || this.vehicle || this.risk)
  }

  clear(): void {
    this.text = this.status = this.vehicle = this.risk = ''
  }

  choose(shipment: string | null): void {
    this.shipment = shipment
    this.doing = null
  }

  begin(doing: Doing): void {
    if (doing !== 'edit') this.shipment = null
    this.doing = doing
  }
}

export const view = new View()
