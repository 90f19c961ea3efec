// One status per vehicle, told by colour and shape and word. The most urgent wins, so that the counts add up to the fleet.
import { m } from '#messages/shared.ts'

import type { Shipment, Stop, Temp, Vehicle } from './api/shapes.ts'
import { ms } from './time.ts'

export type Status = 'alarm' | 'late' | 'stale' | 'moving' | 'stopped' | 'unknown'

/** What went otherwise than planned at a stop, in words. */
export const DEVIATIONS: Record<string, string> = {
  skipped: m.skipped,
  out_of_sequence: m.out_of_sequence,
  late_departure: m.late_departure,
  prolonged_stop: m.prolonged_stop,
}

/** In the order of urgency; also the order of the filter. */
export const STATUSES: readonly Status[] = ['alarm', 'late', 'stale', 'moving', 'stopped', 'unknown']

export const WORDS: Record<Status, string> = {
  alarm: m.status_alarm,
  late: m.status_late,
  stale: m.status_stale,
  moving: m.status_moving,
  stopped: m.status_stopped,
  unknown: m.status_unknown,
}

export const STALE_MS = 120_000

export function isStale(vehicle: Vehicle, now: number): boolean {
  const t = ms(vehicle.t)
  return Number.isNaN(t) || now - t > STALE_MS
}

/** The next stop: behind the one served last; when there is none, one that was left out. */
export function nextStop(stops: readonly Stop[]): Stop | undefined {
  let last = 0
  let at = -Infinity
  for (const stop of stops) if (stop.arrived_at && ms(stop.arrived_at) >= at) [last, at] = [stop.seq, ms(stop.arrived_at)]
  const left = stops.filter((s) => !s.arrived_at)
  return left.find((s) => s.seq > last) ?? left[0]
}

/** The stop ahead is likely missed: the late end of its arrival window is after the end of its time window. */
export function isLate(shipment: Shipment | undefined): boolean {
  const next = shipment?.status === 'in_transit' ? nextStop(shipment.stops) : undefined
  return !!next?.eta && !!next.window_end && ms(next.eta.p90) > ms(next.window_end)
}

export function statusOf(vehicle: Vehicle, now: number, shipment?: Shipment): Status {
  if (vehicle.alerts > 0) return 'alarm'
  if (isStale(vehicle, now)) return 'stale'
  if (isLate(shipment)) return 'late'
  return vehicle.status
}

/** Flags of a position that is none to draw a line through. */
const DOUBTFUL = new Set(['future', 'clock_unset', 'rollover', 'null_island', 'inaccurate', 'teleport', 'swapped'])

export const isDoubtful = (flags: readonly string[]): boolean => flags.some((flag) => DOUBTFUL.has(flag))

const severity: Record<Temp['state'], number> = { above: 3, below: 3, unknown: 1, ok: 2 }

/** The probe to show when there is room for one: out of range before in range, then the warmest. */
export function worstTemp(temps: readonly Temp[] | undefined): Temp | undefined {
  return temps?.toSorted(
    (a, b) => severity[b.state] - severity[a.state] || (b.temp_c ?? -Infinity) - (a.temp_c ?? -Infinity),
  )[0]
}

export const TEMP_WORDS: Record<Temp['state'], string> = {
  ok: m.in_range,
  above: m.too_warm,
  below: m.too_cold,
  unknown: m.no_limits,
}
