// A shipment in words: where it stands, when it arrives, how its goods were kept. Plain data in and out.
import { m } from '#messages/shipments.ts'
import type { Shipment, Stop } from '#shared/api/shapes.ts'
import { clockTime, ms, percent, windowText } from '#shared/format.ts'
import { isLate, nextStop } from '#shared/status.ts'

export type Status = 'planned' | 'in_transit' | 'delivered' | 'cancelled'
export type Risk = 'late' | 'temperature'
export const STATUSES: readonly Status[] = ['in_transit', 'planned', 'delivered', 'cancelled']
export const RISKS: readonly Risk[] = ['late', 'temperature']
export const SHAPES: Readonly<Record<string, string>> = { planned: '○', in_transit: '▶', delivered: '✓', cancelled: '✕' }
export const GOODS: Readonly<Record<string, string>> = { in_range: '✓', excursion: '▲', indeterminate: '◌', no_data: '–' }
const RANK: Readonly<Record<string, number>> = { in_transit: 0, planned: 1, delivered: 2, cancelled: 3 }

export const nameOf = (shipment: Shipment): string => shipment.reference || shipment.id

/** The stop it goes to; null when it goes nowhere any more. */
export const ahead = (shipment: Shipment): Stop | null =>
  shipment.status === 'in_transit' || shipment.status === 'planned' ? (nextStop(shipment.stops) ?? null) : null

/** When it arrives, or when that is planned, or when it did. */
export function arrival(shipment: Shipment, now: number): string {
  const next = ahead(shipment)
  if (!next) {
    const last = shipment.stops.at(-1)?.arrived_at
    return shipment.status === 'delivered' && last ? m.arrived_at(clockTime(last, now)) : ''
  }
  if (next.eta && shipment.status === 'in_transit') return m.arrives(windowText(next.eta.p10, next.eta.p90, now))
  if (next.window_start && next.window_end) return m.planned_for(windowText(next.window_start, next.window_end, now))
  const one = next.window_end ?? next.window_start
  return one ? m.planned_for(clockTime(one, now)) : ''
}

/** That it may be late, how probable that is where it is known; empty when it is not. */
export function lateness(shipment: Shipment): string {
  if (!isLate(shipment)) return ''
  const chance = ahead(shipment)?.eta?.late_probability
  return chance == null ? m.late : m.late_by(percent(chance))
}

export const isWarm = (shipment: Shipment): boolean => shipment.temperature.verdict === 'excursion'

export interface Wanted {
  text: string
  status: Status | ''
  vehicle: string
  risk: Risk | ''
}

export function fits(shipment: Shipment, { text, status, vehicle, risk }: Wanted): boolean {
  if (status && shipment.status !== status) return false
  if (vehicle && shipment.vehicle !== vehicle) return false
  if (risk === 'late' && !isLate(shipment)) return false
  if (risk === 'temperature' && !isWarm(shipment)) return false
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (!words.length) return true
  const told = `${shipment.reference} ${shipment.id} ${shipment.customer ?? ''} ${shipment.vehicle ?? ''} ${shipment.stops.map(({ name }) => name).join(' ')}`.toLowerCase()
  return words.every((word) => told.includes(word))
}

/** When it is of interest: on the way by arrival, planned by window, the rest the newest first. */
function when(shipment: Shipment): number {
  const next = ahead(shipment)
  if (next) return ms(next.eta?.p50 ?? next.window_end ?? next.window_start) || Infinity
  return -(ms(shipment.stops.at(-1)?.arrived_at) || 0)
}

export function byInterest(a: Shipment, b: Shipment): number {
  const [x, y] = [when(a), when(b)]
  return (RANK[a.status] ?? 9) - (RANK[b.status] ?? 9) || (x === y ? 0 : x - y) || a.id.localeCompare(b.id, undefined, { numeric: true })
}
