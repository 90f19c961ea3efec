// What the customer reads. Short, in their words, with every estimate as a range.
import { age, clockTime, limits, ms, temp, windowText } from '../lib/format.ts'
import type { PublicShipment } from '../lib/types.ts'

const STEP_MIN = 5

/** The one sentence of the page. */
export function headline(s: PublicShipment, now: number): string {
  const arrived = s.stop?.arrived_at
  if (arrived) return `Delivered ${clockTime(arrived, now)}`
  if (s.status === 'delivered') return 'Delivered'
  if (s.eta) {
    // Past the late end of the range the range says nothing any more.
    if (ms(s.eta.p90) < now - 60_000) return 'Arriving any moment'
    return `Arrives ${windowText(s.eta.p10, s.eta.p90, now, STEP_MIN)}`
  }
  if (s.stop?.window_start && s.stop.window_end)
    return `Planned for ${windowText(s.stop.window_start, s.stop.window_end, now)}`
  return 'Arrival time not known yet'
}

export function temperatureWords(s: PublicShipment, now: number): { good: boolean | null; text: string; last: string } | null {
  const t = s.temperature
  if (!t || t.verdict === 'no_data') return null
  const range = limits(t.low_c, t.high_c)
  const last = t.last_c === null ? '' : `Last measured ${temp(t.last_c)}, ${age(t.last_at, now)}.`
  if (t.verdict === 'in_range')
    return { good: true, text: range ? `Kept in its range so far: ${range}.` : 'Kept in its range so far.', last }
  if (t.verdict === 'excursion')
    return { good: false, text: range ? `Left its range (${range}) on the way. The sender knows.` : 'Left its range on the way. The sender knows.', last }
  return { good: null, text: 'Some measurements are still missing, so the temperature cannot be judged yet.', last }
}
