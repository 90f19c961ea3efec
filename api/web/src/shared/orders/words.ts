// Orders in words: how far they are, when they are due.
import { m } from '#messages/orders.ts'
import type { Order } from '#shared/api/shapes.ts'
import { clockTime, ms } from '#shared/format.ts'
import type { Doing } from '#shared/ui/state.ts'

/** Stages in the order units go through them. */
export const STAGES = ['open', 'allocated', 'picked', 'packed', 'loaded', 'delivered', 'returning', 'returned', 'short', 'cancelled'] as const
const DONE: ReadonlySet<string> = new Set(['delivered', 'returned', 'short', 'cancelled'])

export function doingOf(order: Pick<Order, 'status' | 'window_end'>, now: number): Doing {
  const word = m.stage(order.status)
  if (order.status === 'delivered') return { looks: 'good', word, more: '' }
  if (DONE.has(order.status)) return { looks: 'off', word, more: '' }
  if (order.window_end && ms(order.window_end) < now) return { looks: 'bad', word, more: m.late }
  return { looks: order.status === 'open' ? 'new' : 'wait', word, more: '' }
}

export const dueWords = (order: Pick<Order, 'window_end'>, now: number): string => (order.window_end ? clockTime(order.window_end, now) : m.no_window)
