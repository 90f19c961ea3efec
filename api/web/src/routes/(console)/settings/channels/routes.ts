// Alert routes as they are typed, sent and told in words. Plain data in, so that it can be tested.
import { m } from '#messages/routes.ts'
import type { AlertRoute, AlertRouteIn } from '#shared/api/shapes.ts'
import { span } from '#shared/format.ts'

export const KINDS = ['temperature', 'breach_risk', 'exposure', 'silence', 'sensor_fault', 'late_risk', 'wrong_load', 'low_stock', 'stock_out', 'expiry'] as const
export const DAYS = [1, 2, 3, 4, 5, 6, 7] as const
export const STEPS_MAX = 5
const STEP_MIN = 15

export interface StepDraft {
  minutes: number
  channels: string[]
}

export interface Draft {
  name: string
  severity: string
  kinds: string[]
  vehicles: string
  fleets: string
  sites: string
  hours: boolean
  days: number[]
  from: string
  until: string
  tz: string
  pierces: boolean
  steps: StepDraft[]
  repeats: number
  repeat_min: number
  group_s: number
  cleared: boolean
}

/** A route as its fields have it; without one a new one. */
export function draftOf(route: AlertRoute | undefined, zone: string, channel: string): Draft {
  const hours = route?.schedule
  return {
    name: route?.name ?? '',
    severity: route ? (route.alerts.severities.length === 1 ? (route.alerts.severities[0] ?? '') : '') : 'critical',
    kinds: [...(route?.alerts.kinds ?? [])],
    vehicles: route?.alerts.vehicles.join(', ') ?? '',
    fleets: route?.alerts.fleets.join(', ') ?? '',
    sites: route?.alerts.sites.join(', ') ?? '',
    hours: Boolean(hours),
    days: [...(hours?.days ?? DAYS)],
    from: hours?.from ?? '22:00',
    until: hours?.until ?? '06:00',
    tz: hours?.tz ?? zone,
    pierces: route?.critical_pierces ?? false,
    steps: route?.steps.map((each) => ({ minutes: each.after_s / 60, channels: [...each.channels] })) ?? [{ minutes: 0, channels: [channel] }],
    repeats: route?.repeats ?? 0,
    repeat_min: route?.repeat_s ? route.repeat_s / 60 : 30,
    group_s: route?.group_s ?? 60,
    cleared: route?.cleared ?? true,
  }
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)

/** What is sent of it. */
export const routeOf = (d: Draft): AlertRouteIn => ({
  name: d.name.trim(),
  alerts: { kinds: d.kinds, severities: d.severity ? [d.severity] : [], vehicles: names(d.vehicles), fleets: names(d.fleets), sites: names(d.sites) },
  schedule: d.hours ? { days: [...d.days].sort((a, b) => a - b), from: d.from, until: d.until, tz: d.tz.trim() } : null,
  critical_pierces: d.hours && d.pierces,
  steps: d.steps.map((each) => ({ after_s: Math.round(each.minutes * 60), channels: each.channels })),
  repeat_s: d.repeats ? Math.round(d.repeat_min * 60) : 0,
  repeats: d.repeats,
  group_s: d.group_s,
  cleared: d.cleared,
})

/** The step behind the last one. */
export const nextStep = (steps: readonly StepDraft[]): StepDraft => ({ minutes: (steps.at(-1)?.minutes ?? -STEP_MIN) + STEP_MIN, channels: [] })

/** 'critical alerts: temperature; North' */
export function alertsOf(route: AlertRoute): string {
  const { kinds, severities, vehicles, fleets, sites } = route.alerts
  const which = m.severities(severities.length === 1 ? (severities[0] ?? '') : '')
  const places = [...vehicles, ...fleets, ...sites].join(', ')
  return `${which}${kinds.length ? `: ${kinds.map(m.kind).join(', ')}` : ''}${places ? `; ${places}` : ''}`
}

/** 'Mon, Tue 22:00–06:00 (Europe/Helsinki)' */
export function hoursOf(route: AlertRoute): string {
  const s = route.schedule
  if (!s) return m.always
  const days = s.days.length === DAYS.length ? m.daily : s.days.map(m.day).join(', ')
  return `${days} ${s.from}–${s.until} (${s.tz})${route.critical_pierces ? `, ${m.piercing}` : ''}`
}

/** ['at once: night', 'after 15 min: boss', '3 × again every 30 min'] */
export function stepsOf(route: AlertRoute, channels: readonly string[]): string[] {
  const known = (name: string): string => (channels.includes(name) ? name : m.missing(name))
  const steps = route.steps.map((each) => `${each.after_s ? m.after_span(span(each.after_s * 1000)) : m.at_once}: ${each.channels.map(known).join(', ')}`)
  return route.repeats ? [...steps, m.reminded(route.repeats, span(route.repeat_s * 1000))] : steps
}
