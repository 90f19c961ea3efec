// Which shipment is loaded: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  shipment = $state('')

  read(query: URLSearchParams): void {
    this.shipment = query.get('shipment') ?? ''
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.shipment ? { shipment: this.shipment } : {})
  }

  open(): string {
    return 'shipments/load'
  }
}

export const view = new View()
