// What is typed of a profile, in people's units, and the body that it is.
import { m } from '#messages/profiles.ts'
import type { ProfileBand, ProfileBody } from '#shared/api/shapes.ts'
import { celsiusOf, typedTemp } from '#shared/format.ts'

import { numberOf } from './band.ts'
import type { Limits } from './band.ts'

export interface BandDraft extends Pick<ProfileBand, 'name' | 'op' | 'severity' | 'mode' | 'reset' | 'reset_at'> {
  key: number
  limit: string
  minutes: string
  hours: string
  clear: string
  phases: ProfileBand['phases']
  open: boolean
}

export interface Draft extends Pick<ProfileBody, 'gap_charge' | 'aggregation' | 'accuracy_class' | 'tz' | 'source' | 'edition'> {
  low: string
  high: string
  /** One limit above, one below, both after the same time. */
  plain: boolean
  minutes: string
  clear: string
  bands: BandDraft[]
  interval: string
  coverage: string
  accuracy: string
  mkt: { on: boolean; limit: string; hours: string; placement: NonNullable<ProfileBody['mkt']>['placement']; delta_h: string }
  door_open: boolean
  defrost: { on: boolean; minutes: string }
  precondition: string
  counts: boolean
  schedule: { on: boolean; days: number[]; begins: string; ends: string }
}

const MIN_S = 60
const HOUR_S = 3600
let keys = 0

const typed = (value: number): string => String(Number(value.toFixed(4)))

export function bandDraft(band: ProfileBand): BandDraft {
  const { name, op, severity, mode, reset, reset_at, phases } = band
  return {
    key: ++keys, name, op, severity, mode, reset, reset_at, phases: [...phases], open: false,
    limit: typedTemp(band.limit_c), minutes: typed(band.for_s / MIN_S), clear: typedTemp(band.clear_c, true),
    hours: band.window_s === null ? '' : typed(band.window_s / HOUR_S),
  }
}

/** A new one beyond the range, or beyond the limit that is farthest out. */
export function freshBand(draft: Draft, above: boolean): BandDraft {
  const drawn = limitsOf(draft)
  const edge = above ? drawn.high_c : drawn.low_c
  const taken = new Set(draft.bands.map((each) => each.name))
  const word = above ? m.new_warm : m.new_cold
  const name = [word, ...Array.from({ length: 16 }, (_, n) => `${word} ${n + 2}`)].find((each) => !taken.has(each)) ?? word
  const band: ProfileBand = { name, op: above ? '>' : '<', limit_c: edge ?? 0, for_s: 600, mode: 'consecutive', reset: 'never', reset_at: '00:00', window_s: null, severity: 'critical', clear_c: 0.3, phases: [] }
  return { ...bandDraft(band), limit: edge === null ? '' : typedTemp(edge) }
}

/** The time and hysteresis of a profile that has no more than one limit above and one below; else null. */
export function plainOf({ low_c, high_c, bands }: Pick<ProfileBody, 'low_c' | 'high_c' | 'bands'>): ProfileBand | null {
  const wanted = [...(high_c === null ? [] : [['above', '>', high_c]]), ...(low_c === null ? [] : [['below', '<', low_c]])]
  const [first] = bands
  if (!first || bands.length !== wanted.length) return null
  const same = bands.every(
    (each, i) =>
      [each.name, each.op, each.limit_c].every((value, n) => value === wanted[i]?.[n]) &&
      each.for_s === first.for_s && each.clear_c === first.clear_c && each.mode === 'consecutive' && each.severity === 'critical' && !each.phases.length,
  )
  return same ? first : null
}

export function draftOf(body: ProfileBody): Draft {
  const plain = plainOf(body)
  const { gap_charge, aggregation, accuracy_class, tz, source, edition, mkt, suppress, schedule } = body
  return {
    gap_charge, aggregation, accuracy_class, tz, source, edition,
    low: typedTemp(body.low_c), high: typedTemp(body.high_c),
    plain: plain !== null,
    minutes: typed((plain?.for_s ?? 600) / MIN_S), clear: typedTemp(plain?.clear_c ?? 0.3, true),
    bands: plain ? [] : body.bands.map(bandDraft),
    interval: typed(body.max_interval_s / MIN_S),
    coverage: typed(body.coverage * 100),
    accuracy: typedTemp(body.accuracy_c, true),
    mkt: { on: mkt !== null, limit: typedTemp(mkt?.limit_c ?? body.high_c), hours: typed((mkt?.window_s ?? 24 * HOUR_S) / HOUR_S), placement: mkt?.placement ?? 'any', delta_h: typed(mkt?.delta_h_kj_per_mol ?? 83.144) },
    door_open: suppress.door_open,
    defrost: { on: suppress.defrost_s !== null, minutes: typed((suppress.defrost_s ?? 0) / MIN_S) },
    precondition: typed(suppress.precondition_s / MIN_S),
    counts: suppress.counts,
    schedule: { on: schedule !== null, days: [...(schedule?.days ?? [1, 2, 3, 4, 5, 6, 7])], begins: schedule?.begins ?? '00:00', ends: schedule?.ends ?? '24:00' },
  }
}

/** A profile of which nothing is said yet. */
export const blank = (tz: string): ProfileBody => ({
  low_c: null, high_c: null, bands: [], mkt: null, max_interval_s: 900, accuracy_c: 0, accuracy_class: '', gap_charge: 'warmer_side',
  aggregation: 'each', coverage: 0.9, suppress: { door_open: false, defrost_s: null, precondition_s: 0, counts: true }, schedule: null,
  tz, source: '', edition: '',
})

class Reading {
  readonly wrong = new Map<string, string>()

  number(name: string, text: string, to: (value: number) => number = (value) => value): number | null {
    const found = numberOf(text)
    if (found !== null && Number.isNaN(found)) this.wrong.set(name, m.number)
    return found === null ? null : to(found)
  }
}

const minutes = (value: number): number => value * MIN_S
const hours = (value: number): number => value * HOUR_S
const step = (value: number): number => celsiusOf(value, true)

/** What is to be sent, and what is no number, by the name of its field. */
export function bodyOf(draft: Draft) {
  const read = new Reading()
  const { gap_charge, aggregation, accuracy_class, tz, source, edition, mkt, schedule } = draft
  const said = (name: string, text: string, to?: (value: number) => number): number => read.number(name, text, to) ?? Number.NaN
  const limits = draft.plain
    ? { for_s: read.number('for_s', draft.minutes, minutes), hysteresis_c: read.number('hysteresis_c', draft.clear, step) }
    : {
        bands: draft.bands.map(({ name, op, severity, mode, phases, ...band }, i) => ({
          name, op, severity, mode, phases,
          limit_c: said(`bands.${i}.limit_c`, band.limit, celsiusOf),
          for_s: read.number(`bands.${i}.for_s`, band.minutes, minutes),
          clear_c: read.number(`bands.${i}.clear_c`, band.clear, step),
          ...(mode === 'cumulative' && {
            reset: band.reset,
            ...(band.reset === 'daily' && { reset_at: band.reset_at }),
            ...(band.reset === 'rolling' && { window_s: read.number(`bands.${i}.window_s`, band.hours, hours) }),
          }),
        })),
      }
  const body = {
    low_c: read.number('low_c', draft.low, celsiusOf),
    high_c: read.number('high_c', draft.high, celsiusOf),
    ...limits,
    gap_charge, aggregation, accuracy_class, tz, source, edition,
    max_interval_s: read.number('max_interval_s', draft.interval, minutes),
    coverage: read.number('coverage', draft.coverage, (value) => value / 100),
    accuracy_c: read.number('accuracy_c', draft.accuracy, step),
    suppress: {
      door_open: draft.door_open,
      defrost_s: draft.defrost.on ? (read.number('suppress.defrost_s', draft.defrost.minutes, minutes) ?? 0) : null,
      precondition_s: read.number('suppress.precondition_s', draft.precondition, minutes),
      counts: draft.counts,
    },
    mkt: mkt.on
      ? {
          limit_c: said('mkt.limit_c', mkt.limit, celsiusOf),
          window_s: said('mkt.window_s', mkt.hours, hours),
          placement: mkt.placement,
          delta_h_kj_per_mol: read.number('mkt.delta_h_kj_per_mol', mkt.delta_h),
        }
      : null,
    schedule: schedule.on ? { days: schedule.days, begins: schedule.begins, ends: schedule.ends } : null,
  }
  return { body, wrong: read.wrong }
}

/** What can be drawn already. */
export function limitsOf(draft: Draft): Limits {
  const { body } = bodyOf(draft)
  const sound = (value: number | null): number | null => (value === null || Number.isNaN(value) ? null : value)
  const [low_c, high_c] = [sound(body.low_c), sound(body.high_c)]
  if (!draft.plain) {
    const bands = draft.bands.map(({ name, op, severity, limit, minutes: time }) => ({ name, op, severity, limit_c: numberOf(limit), for_s: (numberOf(time) ?? 0) * MIN_S }))
    return { low_c, high_c, bands: bands.flatMap((band) => (band.limit_c === null || Number.isNaN(band.limit_c) || Number.isNaN(band.for_s) ? [] : [{ ...band, limit_c: celsiusOf(band.limit_c) }])) }
  }
  const for_s = (sound(numberOf(draft.minutes)) ?? 0) * MIN_S
  const above = high_c === null ? [] : [{ name: 'above', op: '>', limit_c: high_c, for_s, severity: 'critical' } as const]
  const below = low_c === null ? [] : [{ name: 'below', op: '<', limit_c: low_c, for_s, severity: 'critical' } as const]
  return { low_c, high_c, bands: [...above, ...below] }
}

/** The limits one by one that a plain profile stands for. */
export function opened(draft: Draft): BandDraft[] {
  return limitsOf(draft).bands.map((band) => ({
    ...bandDraft({ ...band, mode: 'consecutive', reset: 'never', reset_at: '00:00', window_s: null, clear_c: 0.3, phases: [] }),
    clear: draft.clear, minutes: draft.minutes,
  }))
}
