// What the customer reads. Short, in their words, with every estimate as a range.
import type { PublicShipment } from '#shared/api/shapes.ts'
import { age, clockTime, limits, ms, temp, windowText } from '#shared/format.ts'

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

/** How cold it was kept, for the goods on the way and those delivered. Never silent when limits were promised. */
export function temperatureWords(s: PublicShipment, now: number): { good: boolean | null; text: string; last: string } | null {
  const t = s.temperature
  if (!t) return null
  const over = s.status === 'delivered'
  const range = limits(t.low_c, t.high_c)
  const last = t.last_c === null ? '' : `Last measured ${temp(t.last_c)}, ${age(t.last_at, now)}.`
  const beyond = furthest(t)
  if (t.verdict === 'no_data') {
    if (!range || s.status === 'planned') return null
    return { good: null, text: over ? `Nobody measured whether it was kept in its range: ${range}.` : 'Not measured yet.', last }
  }
  if (t.verdict === 'in_range') {
    const kept = over ? 'Kept in its range' : 'Kept in its range so far'
    if (beyond) return { good: true, text: `${kept} (${range}) but for a short time, at ${beyond}.`, last }
    return { good: true, text: range ? `${kept}: ${range}.` : `${kept}.`, last }
  }
  if (t.verdict === 'excursion') {
    const left = range ? `Left its range (${range}) on the way` : 'Left its range on the way'
    return { good: false, text: beyond ? `${left}: at ${beyond}. The sender knows.` : `${left}. The sender knows.`, last }
  }
  const missing = over ? 'Some measurements are missing' : 'Some measurements are still missing'
  if (beyond) return { good: null, text: `${missing}; it was at ${beyond}${range ? `, its range is ${range}` : ''}.`, last }
  return { good: null, text: over ? `${missing}, so the temperature cannot be judged.` : `${missing}, so the temperature cannot be judged yet.`, last }
}

/** The temperature furthest beyond the limits. */
function furthest(t: NonNullable<PublicShipment['temperature']>): string | null {
  const above = t.max_c !== null && t.high_c !== null ? t.max_c - t.high_c : 0
  const below = t.min_c !== null && t.low_c !== null ? t.low_c - t.min_c : 0
  if (above <= 0 && below <= 0) return null
  return temp(above >= below ? t.max_c : t.min_c)
}
