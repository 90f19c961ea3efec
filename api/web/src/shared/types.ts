// The JSON shapes of the REST interface and the websocket. Times are RFC 3339 text in UTC; null means unknown.
import type { LineString, MultiPolygon, Polygon } from 'geojson'

export type Time = string

export type TempState = 'ok' | 'above' | 'below' | 'unknown'

export interface Temp {
  device: string
  probe: string | null
  t: Time
  temp_c: number | null
  humidity_pct: number | null
  low_c: number | null
  high_c: number | null
  state: TempState
}

export interface Eta {
  p10: Time
  p50: Time
  p90: Time
}

export interface Vehicle {
  id: string
  label: string
  t: Time | null
  received_at: Time | null
  lat: number | null
  lon: number | null
  speed_mps: number | null
  heading_deg: number | null
  accuracy_m: number | null
  flags: string[]
  status: 'moving' | 'stopped' | 'unknown'
  status_since: Time | null
  site: string | null
  battery_ratio: number | null
  temps: Temp[]
  shipment: { id: string; next_stop: string | null; p10: Time | null; p50: Time | null; p90: Time | null } | null
  alerts: number
}

export interface Site {
  id: string
  label: string
  kind: string
  lat: number | null
  lon: number | null
  radius_m: number | null
  polygon: Polygon | MultiPolygon | null
  corridor: LineString | null
  tz: string | null
  zones: { id: string; label: string }[]
  temps?: Temp[]
}

export interface StockLevel {
  id: string
  site: string
  zone: string | null
  sku: string
  label: string
  quantity: number
  confidence: number | null
  last_evidence_at: Time | null
  source: string | null
  reorder_point: number | null
}

export interface Alert {
  id: string
  kind: string
  severity: 'warning' | 'critical'
  subject: { kind: 'vehicle' | 'site' | 'device'; id: string }
  device: string | null
  probe: string | null
  title: string
  limit_c: number | null
  extreme_c: number | null
  last_c: number | null
  opened_at: Time
  alarm_at: Time | null
  decided_at: Time | null
  cleared_at: Time | null
  state: 'active' | 'cleared'
  revision: number
  acknowledged_at: Time | null
  acknowledged_by: string | null
  note: string | null
  resolved_at: Time | null
  resolved_by: string | null
}

export interface Stop {
  seq: number
  stop_id: string
  site: string | null
  name: string
  lat: number
  lon: number
  window_start: Time | null
  window_end: Time | null
  arrived_at: Time | null
  departed_at: Time | null
  /** kinds of what went otherwise than planned here: skipped, out_of_sequence, late_departure, prolonged_stop */
  deviations: string[]
  eta: (Eta & { remaining_m: number | null; late_probability?: number | null; decided_at: Time | null }) | null
}

export type Verdict = 'in_range' | 'excursion' | 'indeterminate' | 'no_data'

export interface Shipment {
  id: string
  reference: string | null
  status: 'planned' | 'in_transit' | 'delivered'
  vehicle: string | null
  customer: string | null
  stops: Stop[]
  temperature: {
    verdict: Verdict
    min_c: number | null
    max_c: number | null
    last_c: number | null
    last_at: Time | null
  } | null
  planned_line: LineString | null
}

export interface Share {
  id: string
  created_at?: Time
  expires_at: Time
  revoked_at?: Time | null
}

/** What a vehicle did: one follows the other; `unknown` is a gap behind which it was somewhere else. */
/** A device on a vehicle; `from` null: since ever. */
export interface Aboard {
  id: string
  kind: string
  from: string | null
}

export interface Trip {
  id: string
  kind: 'trip' | 'stop' | 'unknown'
  started_at: Time
  ended_at: Time | null
  site: string | null
  distance_m: number | null
  gap_m: number | null
  moving_s: number | null
  idle_s: number | null
  unknown_s: number | null
  carried_m?: number | null
  speed_max_mps: number | null
}

export interface TrackPoint {
  t: Time
  lat: number
  lon: number
  speed_mps: number | null
  heading_deg: number | null
  flags: string[]
}

export interface Excursion {
  id: string
  kind: 'above' | 'below' | string
  start: Time
  end: Time | null
  extreme_c: number | null
}

export interface Series {
  device: string
  probe: string | null
  points: { t: Time; temp_c: number | null }[]
  low_c: number | null
  high_c: number | null
  excursions: Excursion[]
}

export interface Me {
  user: string
  role: string
  tenant: string
}

export interface Config {
  map_style: string | null
  version: string
  demo: boolean
}

export interface PublicShipment {
  reference: string | null
  status: string
  steps: { key: string; label: string; at: Time | null; state: 'done' | 'current' | 'todo' }[]
  updated_at: Time | null
  now: Time
  eta: Eta | null
  stop: {
    name: string
    lat: number | null
    lon: number | null
    arrived_at: Time | null
    window_start: Time | null
    window_end: Time | null
  } | null
  position: { t: Time; lat: number; lon: number; heading_deg: number | null } | null
  planned_line: LineString | null
  temperature: {
    verdict: Verdict
    min_c: number | null
    max_c: number | null
    last_c: number | null
    last_at: Time | null
    low_c: number | null
    high_c: number | null
  } | null
}

/** What a topic of the websocket holds. */
export interface Topics {
  vehicles: Vehicle
  shipments: Shipment
  alerts: Alert
  stock: StockLevel
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

export type Snapshot = { type: 'snapshot'; cursor: string; now: Time } & { [T in Topic]?: Topics[T][] }
export type Message =
  | Snapshot
  | { type: 'delta'; cursor: string; now: Time; changes: Change[] }
  | { type: 'ping'; now: Time }
  | { type: 'resync' }
