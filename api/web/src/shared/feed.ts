// The messages of the websocket.
import type { Alert, Shipment, Site, Stock, Vehicle } from './api/shapes.ts'

/** What a topic holds. */
export interface Topics {
  vehicles: Vehicle
  shipments: Shipment
  alerts: Alert
  stock: Stock
  sites: Site
}
export type Topic = keyof Topics
export const TOPICS: readonly Topic[] = ['vehicles', 'shipments', 'alerts', 'stock', 'sites']

export interface Change {
  topic: string
  id: string
  op: 'put' | 'merge' | 'delete'
  data?: Record<string, unknown>
}

export type Snapshot = { type: 'snapshot'; cursor: string; now: string } & { [T in Topic]?: Topics[T][] }
export type Message =
  | Snapshot
  | { type: 'delta'; cursor: string; now: string; changes: Change[] }
  | { type: 'ping'; now: string }
  | { type: 'resync' }
