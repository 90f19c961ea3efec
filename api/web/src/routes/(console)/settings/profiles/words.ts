// A profile in words, part by part, and how two of its versions differ.
import { m } from '#messages/profiles.ts'
import type { ProfileBand, ProfileBody } from '#shared/api/shapes.ts'
import { limits, percent, span, temp, tempStep } from '#shared/format.ts'

import { ordered } from './band.ts'
import { blank } from './draft.ts'

export interface Fact {
  what: string
  text: string
}

/** 'for 10 min', 'at once' */
export const timeWords = (for_s: number): string => (for_s > 0 ? m.for_time(span(for_s * 1000)) : m.at_once)

export const limitWords = ({ op, limit_c, for_s }: Pick<ProfileBand, 'op' | 'limit_c' | 'for_s'>): string => `${m.op(op)} ${temp(limit_c)} ${timeWords(for_s)}`

function bandWords(band: ProfileBand): string {
  const { mode, reset, reset_at, window_s, severity, clear_c, phases } = band
  const at = reset === 'daily' ? ` ${m.at_local(reset_at)}` : window_s === null ? '' : ` ${span(window_s * 1000)}`
  const counts = mode === 'cumulative' ? [`${m.counted(mode)} (${m.reset.toLowerCase()}: ${m.anew(reset)}${at})`] : []
  return [limitWords(band), m.severe(severity), ...counts, m.over(tempStep(clear_c)), ...phases.map((each) => m.phase(each))].join(', ')
}

function suppressWords({ suppress: { door_open, defrost_s, precondition_s, counts } }: ProfileBody): string {
  const after = defrost_s ? ` ${m.minutes_after(span(defrost_s * 1000))}` : ''
  return [
    ...(door_open ? [m.door_open] : []),
    ...(defrost_s === null ? [] : [m.defrost + after]),
    ...(precondition_s ? [`${m.precondition.split(',')[0] ?? ''}: ${span(precondition_s * 1000)}`] : []),
    ...(counts ? [] : [m.nothing_counts]),
  ].join(', ')
}

function facts(body: ProfileBody): Fact[] {
  const { mkt, schedule } = body
  return [
    { what: m.range, text: limits(body.low_c, body.high_c) ?? m.no_range },
    ...ordered(body.bands).map((band) => ({ what: band.name, text: bandWords(band) })),
    { what: m.mkt_fact, text: mkt ? `${m.mkt_words(temp(mkt.limit_c), span(mkt.window_s * 1000), m.placed(mkt.placement))}, ${mkt.delta_h_kj_per_mol} kJ/mol` : '' },
    { what: m.gap_fact, text: m.gap_words(span(body.max_interval_s * 1000)) },
    { what: m.gap_charge, text: m.charged(body.gap_charge) },
    { what: m.quiet, text: suppressWords(body) },
    { what: m.scheduled, text: schedule ? m.schedule_words(schedule.days.map(m.day).join(', '), schedule.begins, schedule.ends) : '' },
    { what: m.tz, text: body.tz },
    { what: m.coverage.replace(/, %$/, ''), text: percent(body.coverage) },
    { what: m.accuracy('').replace(/, $/, ''), text: body.accuracy_c ? tempStep(body.accuracy_c) : '' },
    { what: m.accuracy_class.split(',')[0] ?? '', text: body.accuracy_class },
    { what: m.aggregation, text: m.aggregated(body.aggregation) },
    { what: m.source, text: body.source },
    { what: m.edition, text: body.edition },
  ]
}

/** What a profile asks; what everybody's does is left out. */
export function factsOf(body: ProfileBody): Fact[] {
  const usual = new Set(facts(blank('UTC')).map(({ what, text }) => `${what}\n${text}`))
  return facts(body).filter(({ what, text }) => text && (what === m.range || !usual.has(`${what}\n${text}`)))
}

/** How a version differs from the one before, in words. */
export function differences(before: ProfileBody, after: ProfileBody): string[] {
  const then = new Map(facts(before).map(({ what, text }) => [what, text]))
  const now = new Map(facts(after).map(({ what, text }) => [what, text]))
  return [...new Set([...now.keys(), ...then.keys()])].flatMap((what) => {
    const [a, b] = [then.get(what) ?? '', now.get(what) ?? '']
    return a === b ? [] : a && b ? [m.differs(what, a, b)] : b ? [m.appears(what, b)] : [m.goes(what, a)]
  })
}
