// What an alert says about its times, in words.
import { m as levels } from '#messages/levels.ts'
import { m } from '#messages/shared.ts'
import type { Alert, AlertStock } from '#shared/api/shapes.ts'
import { clockTime, ms, short, span, temp } from '#shared/format.ts'

import { isDone, waits } from './state.ts'

/** Learned more than two minutes after it was due: the device was out of reach, or its readings came late. */
const LATE_MS = 120_000

export function learnedLate(alert: Alert): boolean {
  return ms(alert.decided_at) - Math.max(ms(alert.alarm_at ?? alert.opened_at), ms(alert.cleared_at) || 0) > LATE_MS
}

export function lateWords(alert: Alert, now: number): string {
  return m.happened(clockTime(alert.opened_at, now), clockTime(alert.decided_at, now))
}

/** 'for 23 min' while it goes on, '12:03–12:40, 37 min' when it is over. */
export function sinceWords(alert: Alert, now: number): string {
  const from = ms(alert.opened_at)
  if (!alert.cleared_at) return m.since(clockTime(from, now), span(now - from))
  return m.from_to(clockTime(from, now), clockTime(alert.cleared_at, now), span(ms(alert.cleared_at) - from))
}

/** 'Too warm: 9.4 °C', in the viewer's words and units; what is not known here, as the API says it. */
export function titleWords({ kind, title, limit_c, extreme_c, device, probe, stock, load }: Alert): string {
  if (stock) return stockWords(kind, title, stock)
  if (load) return loadWords(load)
  if (kind === 'temperature' && extreme_c !== null) {
    const cold = title.startsWith('Too cold') || (limit_c !== null && extreme_c < limit_c)
    return `${cold ? m.title_cold : m.title_warm}: ${temp(extreme_c)}`
  }
  if (kind === 'silence' && device) return m.title_silent(device)
  if (kind === 'breach_risk') return breachWords(title)
  if (kind === 'sensor_fault' && probe) return m.title_fault(probe)
  if (kind === 'exposure') return exposureWords(title, limit_c)
  const [, shipment, place] = (kind === 'late_risk' && /^(.*) may miss its window at (.*)$/.exec(title)) || []
  return shipment && place ? m.title_late(shipment, place) : title
}

/** 'Load of S-1 at door-1: 106… belongs to S-2; 107… is not on board'. */
function loadWords({ shipment, door, wrong, missing }: NonNullable<Alert['load']>): string {
  const [first, lost] = [wrong[0], missing[0]]
  return levels.title_load(shipment, door, [
    first ? levels.load_wrong(first.unit, wrong.length - 1, first.state === 'wrong_truck' ? first.shipment : null) : '',
    lost ? levels.load_missing(lost.unit, missing.length - 1, lost.state === 'left_behind') : '',
  ].filter(Boolean).join('; '))
}

/** So much, pieces going without saying. */
const amount = (n: number, unit: string): string => (unit === 'piece' ? short(n, 3) : `${short(n, 3)} ${unit}`)

/** 'Low stock: Milk, 3 left', 'Soon out: Milk', 'Will be left over: 12 of Milk, lot L-7'. */
function stockWords(kind: string, title: string, { label, quantity, base_unit, expiring, out }: AlertStock): string {
  if (kind === 'low_stock') return levels.title_low(label, amount(quantity, base_unit))
  if (kind === 'stock_out') return quantity <= 0 || !out ? levels.title_out(label) : levels.title_soon_out(label)
  const [first] = expiring
  if (kind !== 'expiry' || !first) return title
  const left = expiring.reduce((sum, lot) => sum + lot.quantity, 0)
  return levels.title_expiry(label, amount(left, base_unit), first.lot, expiring.length - 1)
}

/** Whose goods, and by what they fail: the api says both in words that are always the same. */
function exposureWords(title: string, limit_c: number | null): string {
  const [, shipment = '', what = '', band = ''] = /^Goods of (.*): (mean kinetic temperature|too long in (.*))/.exec(title) ?? []
  if (band) return m.title_exposure(shipment, band)
  return what && limit_c !== null ? m.title_mkt(shipment, temp(limit_c)) : title
}

/** What will be, and why likely: the api says both in words that are always the same. */
function breachWords(title: string): string {
  const [what = '', why = ''] = title.split(': ')
  return `${what === 'Will be too cold' ? m.title_will_cold : m.title_will_warm}: ${m.cause(why)}`
}

/** 'alarm in 20 min, 14:32 (14:20–14:55)', of what has not come; nothing otherwise. */
export function expectedWords({ kind, expected, state, stock }: Alert, now: number): string {
  if (kind === 'stock_out' && stock && state === 'active') return outWords(stock, now)
  if (!expected || state !== 'active') return ''
  const left = ms(expected.p50) - now
  if (left > 0) return m.expected_in(span(left), clockTime(expected.p50, now), clockTime(expected.p10, now), clockTime(expected.p90, now))
  return m.expected(clockTime(expected.p50, now), clockTime(expected.p10, now), clockTime(expected.p90, now))
}

/** 'out in 3 h, 17:32 (15:20–20:55)', of what is not out yet; nothing otherwise. */
export function outWords({ quantity, out }: AlertStock, now: number): string {
  if (quantity <= 0 || !out?.p50) return ''
  const reach = out.p90 ? levels.between(clockTime(out.p10, now), clockTime(out.p90, now)) : levels.not_before(clockTime(out.p10, now))
  const left = ms(out.p50) - now
  return levels.out_expected(left > 0 ? span(left) : '', clockTime(out.p50, now), reach)
}

export function stateWords(alert: Alert): string {
  if (waits(alert)) return alert.disposition_state === 'proposed' ? m.to_sign : m.look_again
  if (alert.resolved_at) return m.resolved
  return (alert.state === 'active' ? m.active : m.cleared) + (alert.muted_until ? m.and_muted : alert.acknowledged_at ? m.and_acknowledged : '')
}

/** Whose alert: the vehicle or place, and which of its probes. */
export function probeWords(alert: Alert): string {
  return alert.probe ? ` ${alert.probe}` : ''
}

/**
 * Critical before warning, whatever somebody has clicked: a truck at 16 °C stands above a device that says nothing.
 * Then what nobody has seen, active before cleared, the oldest first; then what waits for a signature or to be looked at
 * again; then the rest, active before cleared, the newest first.
 */
export function byUrgency(a: Alert, b: Alert): number {
  const seen = (x: Alert): boolean => !!x.acknowledged_at || !!x.resolved_at
  const rank = (x: Alert): number =>
    (isDone(x) ? 32 : 0) + (x.severity === 'critical' ? 0 : 16) + (seen(x) ? (waits(x) ? 4 : 8) : 0) + (x.state === 'active' ? 0 : 1)
  const age = ms(a.opened_at) - ms(b.opened_at)
  // Of what is foretold the soonest alarm comes first, before what has no such time.
  const soon = (x: Alert): number => (x.state === 'active' && x.expected ? ms(x.expected.p50) : Number.MAX_SAFE_INTEGER)
  return rank(a) - rank(b) || soon(a) - soon(b) || (seen(a) ? -age : age)
}

/** So many alerts of one device that say the same are one entry; a reefer with its few probes stays told apart, and stock. */
export const GROUP_MIN = 6

/** Alerts in their order, those that belong together where the first of them stands. */
export function grouped(alerts: Alert[]): { key: string; alerts: Alert[] }[] {
  const keyOf = (a: Alert): string =>
    JSON.stringify([a.device ?? a.id, a.kind, a.severity, a.state, !!a.acknowledged_at, !!a.resolved_at, titleWords(a).split(':')[0]])
  const together = new Map<string, Alert[]>()
  for (const a of alerts) {
    const found = together.get(keyOf(a))
    if (found) found.push(a)
    else together.set(keyOf(a), [a])
  }
  const entries: { key: string; alerts: Alert[] }[] = []
  for (const a of alerts) {
    const all = together.get(keyOf(a)) ?? [a]
    if (all.length < GROUP_MIN) entries.push({ key: a.id, alerts: [a] })
    else if (all[0] === a) entries.push({ key: keyOf(a), alerts: all })
  }
  return entries
}
