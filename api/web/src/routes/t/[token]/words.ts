// What the customer reads. Short, in their words, with every estimate as a range. The server says the same
// (api/resources/shared/telling.py).
import type { PublicShipment } from '#shared/api/shapes.ts'
import { ms } from '#shared/time.ts'

import type { Telling } from './telling.ts'

const STEP_MIN = 5
const PAST_MS = 60_000

/** The one sentence of the page. */
export function headline(t: Telling, s: PublicShipment, now: number): string {
  if (s.status === 'cancelled') return t.say('cancelled')
  const arrived = s.stop?.arrived_at
  if (arrived) return t.say('delivered_at', { time: t.time(ms(arrived), now) })
  if (s.status === 'delivered') return t.say('delivered')
  if (s.eta) {
    // Past the late end of the range the range says nothing any more.
    if (ms(s.eta.p90) < now - PAST_MS) return t.say('any_moment')
    return t.say('arrives', { window: t.window(ms(s.eta.p10), ms(s.eta.p90), now, STEP_MIN) })
  }
  if (s.stop?.window_start && s.stop.window_end)
    return t.say('planned_for', { window: t.window(ms(s.stop.window_start), ms(s.stop.window_end), now) })
  return t.say('not_known')
}

/** A word of caution under the headline, when the time in it rests on too few trips to be sure of. */
export function caution(t: Telling, s: PublicShipment, now: number): string | null {
  if (s.status === 'cancelled') return t.say('cancelled_text')
  const shown = s.eta && !s.stop?.arrived_at && s.status !== 'delivered' && ms(s.eta.p90) >= now - PAST_MS
  return shown && s.eta?.guess ? t.say('guess') : null
}

/** How cold it was kept, for the goods on the way and those delivered. Never silent when limits were promised. */
export function temperatureWords(t: Telling, s: PublicShipment, now: number): { good: boolean | null; text: string; last: string } | null {
  const found = s.temperature
  if (!found) return null
  const over = s.status === 'delivered'
  const range = t.limits(found.low_c, found.high_c)
  const last = found.last_c === null ? '' : t.say('last_measured', { temperature: t.temp(found.last_c), age: t.age(ms(found.last_at), now) })
  const beyond = furthest(t, found)
  if (found.verdict === 'no_data') {
    if (!range || s.status === 'planned' || s.status === 'cancelled') return null
    return { good: null, text: over ? t.say('nobody_measured', { range }) : t.say('not_measured'), last }
  }
  if (found.verdict === 'in_range') {
    const kept = t.say(over ? 'kept' : 'kept_so_far')
    if (beyond) return { good: true, text: t.say('but_briefly', { kept, range: range ?? '', beyond }), last }
    return { good: true, text: range ? t.say('kept_within', { kept, range }) : `${kept}.`, last }
  }
  if (found.verdict === 'excursion') {
    const left = range ? t.say('left_range', { range }) : t.say('left_some_range')
    return { good: false, text: t.say('sender_knows', { what: beyond ? t.say('at', { what: left, beyond }) : left }), last }
  }
  const missing = t.say(over ? 'missing' : 'still_missing')
  if (beyond) return { good: null, text: t.say(range ? 'missing_beyond' : 'missing_beyond_some', { missing, beyond, range: range ?? '' }), last }
  return { good: null, text: t.say(over ? 'not_judged' : 'not_judged_yet', { missing }), last }
}

type PublicProof = PublicShipment['proofs'][number]
const FATES = { accepted: 'pod_accepted', short: 'pod_short', damaged: 'pod_damaged', refused: 'pod_count_refused' } as const

/** 'Tea: 5 accepted, 1 damaged'. */
export function lineWords(t: Telling, line: PublicProof['lines'][number]): string {
  const fates = (Object.keys(FATES) as (keyof typeof FATES)[]).filter((fate) => line[fate] > 0)
  return t.say('pod_line', { goods: line.label, fates: fates.map((fate) => t.say(FATES[fate], { count: String(line[fate]).replace('.', t.say('decimal')) })).join(', ') })
}

/** How cold goods were kept on their way to a hand-over; null where nobody measured. */
export function legWords(t: Telling, { verdict, min_c, max_c }: PublicProof['temperature']): string | null {
  if (min_c === null || max_c === null || verdict === 'no_data') return null
  return t.say(`pod_${verdict}` as 'pod_in_range', { low: t.temp(min_c), high: t.temp(max_c) })
}

/** The temperature furthest beyond the limits. */
function furthest(t: Telling, { min_c, max_c, low_c, high_c }: NonNullable<PublicShipment['temperature']>): string | null {
  const above = max_c !== null && high_c !== null ? max_c - high_c : 0
  const below = min_c !== null && low_c !== null ? low_c - min_c : 0
  if (above <= 0 && below <= 0) return null
  const found = above >= below ? max_c : min_c
  return found === null ? null : t.temp(found)
}
