// What a file has just brought is taken away again, as far as nothing depends on it.
import { m } from '#messages/files.ts'
import { api, ApiError, ask } from '#shared/api/client.ts'

import type { Kind } from './bring.ts'

/** More than these are not taken back at a click. */
export const TAKEN_MAX = 1000
const WAITS = 6 // how often a busy server is asked again for one

const REMOVE: Readonly<Record<Kind, (id: string) => Promise<unknown>>> = {
  products: (sku) => ask(api.DELETE('/api/v1/products/{sku}', { params: { path: { sku } } })),
  vehicles: (id) => ask(api.DELETE('/api/v1/vehicles/{vehicle_id}', { params: { path: { vehicle_id: id } } })),
  sites: (id) => ask(api.DELETE('/api/v1/sites/{site_id}', { params: { path: { site_id: id } } })),
  customers: (id) => ask(api.DELETE('/api/v1/customers/{customer_id}', { params: { path: { customer_id: id } } })),
  orders: (id) => ask(api.POST('/api/v1/orders/{order_id}/cancellation', { params: { path: { order_id: id } }, body: { reason: m.file_taken_back } })),
  sales: (id) => {
    const [site = '', ...rest] = id.split('/')
    const day = rest.pop() ?? ''
    return ask(api.DELETE('/api/v1/sales', { params: { query: { site, sku: rest.join('/'), day } } }))
  },
  shipments: (id) => ask(api.DELETE('/api/v1/shipments/{shipment_id}', { params: { path: { shipment_id: id } } })),
}

async function removed(kind: Kind, id: string): Promise<boolean> {
  for (let n = 1; ; n++) {
    try {
      await REMOVE[kind](id)
      return true
    } catch (error) {
      const busy = error instanceof ApiError && [429, 503].includes(error.status)
      if (!busy || n === WAITS) return false
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfterS ?? n)))
    }
  }
}

/** How many are gone again, and how many stay because they are in use. */
export async function takeBack(kind: Kind, ids: readonly string[], progress: (done: number) => void): Promise<{ gone: number; stay: number }> {
  let gone = 0
  for (const [n, id] of ids.entries()) {
    if (await removed(kind, id)) gone++
    progress(n + 1)
  }
  return { gone, stay: ids.length - gone }
}
