// What the pages follow.
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
/** News only: what they are about is asked by REST. */
export const NEWS = ['orders', 'loads', 'docks'] as const
