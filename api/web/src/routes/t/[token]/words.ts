// What the customer reads. Short, in their words, with every estimate as a range.
import { m } from '#messages/customer.ts'
import type { PublicShipment } from '#shared/api/shapes.ts'
import { age, clockTime, limits, ms, temp, windowText } from '#shared/format.ts'

const STEP_MIN = 5

/** The one sentence of the page. */
export function headline(s: PublicShipment, now: number): string {
  const arrived = s.stop?.arrived_at
  if (arrived) return m.delivered_at(clockTime(arrived, now))
  if (s.status === 'delivered') return m.delivered
  if (s.eta) {
    // Past the late end of the range the range says nothing any more.
    if (ms(s.eta.p90) < now - 60_000) return m.any_moment
    return m.arrives(windowText(s.eta.p10, s.eta.p90, now, STEP_MIN))
  }
  if (s.stop?.window_start && s.stop.window_end)
    return m.planned_for(windowText(s.stop.window_start, s.stop.window_end, now))
  return m.not_known
}

/** A word of caution under the headline, when the time in it rests on too few trips to be sure of. */
export function caution(s: PublicShipment, now: number): string | null {
  const shown = s.eta && !s.stop?.arrived_at && s.status !== 'delivered' && ms(s.eta.p90) >= now - 60_000
  return shown && s.eta?.guess ? m.guess : null
}

/** How cold it was kept, for the goods on the way and those delivered. Never silent when limits were promised. */
export function temperatureWords(s: PublicShipment, now: number): { good: boolean | null; text: string; last: string } | null {
  const t = s.temperature
  if (!t) return null
  const over = s.status === 'delivered'
  const range = limits(t.low_c, t.high_c)
  const last = t.last_c === null ? '' : m.last_measured(temp(t.last_c), age(t.last_at, now))
  const beyond = furthest(t)
  if (t.verdict === 'no_data') {
    if (!range || s.status === 'planned') return null
    return { good: null, text: over ? m.nobody_measured(range) : m.not_measured, last }
  }
  if (t.verdict === 'in_range') {
    const kept = over ? m.kept : m.kept_so_far
    if (beyond) return { good: true, text: m.but_briefly(kept, range ?? '', beyond), last }
    return { good: true, text: range ? `${kept}: ${range}.` : `${kept}.`, last }
  }
  if (t.verdict === 'excursion') {
    const left = m.left_range(range ?? '')
    return { good: false, text: m.sender_knows(beyond ? m.at(left, beyond) : left), last }
  }
  const missing = over ? m.missing : m.still_missing
  if (beyond) return { good: null, text: m.missing_beyond(missing, beyond, range ?? ''), last }
  return { good: null, text: over ? m.not_judged(missing) : m.not_judged_yet(missing), last }
}

/** The temperature furthest beyond the limits. */
function furthest(t: NonNullable<PublicShipment['temperature']>): string | null {
  const above = t.max_c !== null && t.high_c !== null ? t.max_c - t.high_c : 0
  const below = t.min_c !== null && t.low_c !== null ? t.low_c - t.min_c : 0
  if (above <= 0 && below <= 0) return null
  return temp(above >= below ? t.max_c : t.min_c)
}
