// Whether a window can be kept, in words.
import { m } from '#messages/orders.ts'
import type { Promised } from '#shared/api/shapes.ts'
import { clockTime, distance, percent, span } from '#shared/format.ts'
import { amount } from '#shared/stock/words.ts'
import type { Doing } from '#shared/ui/state.ts'

/** A smaller chance is asked about before it is promised. */
export const SURE = 0.8
const LIKELY = 0.5

export function keepsOf({ chance, limit, window_end }: Promised): Doing {
  if (limit.code === 'short') return { looks: 'bad', word: m.promise_never, more: '' }
  if (chance === null) return { looks: 'new', word: window_end ? m.promise_unknown : m.promise_open, more: '' }
  return { looks: chance >= SURE ? 'good' : chance >= LIKELY ? 'wait' : 'bad', word: m.promise_kept(percent(chance)), more: '' }
}

export const risky = (promise: Promised): boolean => promise.chance !== null && promise.chance < SURE

export function whenWords({ earliest, p90 }: Promised, now: number): string {
  return [earliest ? m.promise_earliest(clockTime(earliest, now)) : '', p90 ? m.promise_p90(clockTime(p90, now)) : ''].filter(Boolean).join(', ')
}

/** What makes it no earlier. */
export function limitWords({ limit, lines, travel }: Promised, now: number): string {
  const line = lines.find((each) => each.line === limit.line)
  const what = line?.label || limit.sku || ''
  const takes = span((limit.minutes ?? 0) * 60_000)
  if (limit.code === 'short') return m.promise_short(what, amount(limit.quantity ?? 0, line?.base_unit ?? ''))
  if (limit.code === 'receipt') return m.promise_receipt(what, limit.receipt ?? '', clockTime(limit.at, now))
  if (limit.code === 'shipment') return m.promise_shipment(takes)
  if (limit.code === 'hours') return m.promise_hours
  if (limit.code === 'prepare') return m.promise_prepare(takes)
  if (limit.code === 'transport') return m.promise_transport(takes, distance((travel?.km ?? 0) * 1000))
  return m.promise_no_place
}
