// The fan of a forecast: where the temperature will likely be, until the alarm that is expected.
import type { Alert } from './api/shapes.ts'
import { ms } from './format.ts'

export interface Fan {
  /** ms; °C there. */
  at: number
  from_c: number
  limit_c: number
  above: boolean
  /** When the limit is crossed, ms: sooner than the first in one case of ten, later than the last in one. */
  crossings: readonly [number, number, number]
  /** When the alarm comes, as the crossings. */
  alarms: readonly [number, number, number]
}

/** Of an alert that foretells something; null of all others, and of what is over. */
export function fanOf({ kind, state, expected, limit_c, title }: Pick<Alert, 'kind' | 'state' | 'expected' | 'limit_c' | 'title'>): Fan | null {
  if (kind !== 'breach_risk' || state !== 'active' || !expected || limit_c === null) return null
  const { p10, p50, p90, at, temp_c, for_s } = expected
  if (at === null || temp_c === null || for_s === null || p10 === null || p50 === null || p90 === null) return null
  const from = ms(at)
  const alarms = [ms(p10), ms(p50), ms(p90)] as const
  const crossing = (alarm: number): number => Math.max(from, alarm - for_s * 1000)
  return { at: from, from_c: temp_c, limit_c, above: !title.startsWith('Will be too cold'), crossings: [crossing(alarms[0]), crossing(alarms[1]), crossing(alarms[2])], alarms }
}

/** °C at a time on the way to a crossing; who is beyond already stays there. */
export function tempAt({ at, from_c, limit_c, above }: Fan, crossing: number, time: number): number {
  const beyond = above ? from_c >= limit_c : from_c <= limit_c
  if (beyond || crossing <= at) return from_c
  return from_c + ((limit_c - from_c) * (time - at)) / (crossing - at)
}

/** How far to the right a chart from `from` to `to` reaches so that the fan is seen: half as far again at most. */
export const roomFor = (fan: Fan | null, from: number, to: number): number => (fan ? Math.min(Math.max(to, fan.alarms[2] + 300_000), to + (to - from) * 0.5) : to)
