// What is proposed, in words and looks.
import { m } from '#messages/replenishment.ts'
import type { PurchaseOrder, Replenishment } from '#shared/api/shapes.ts'
import { dayName, short } from '#shared/format.ts'
import type { Doing, Looks } from '#shared/ui/state.ts'

const LOOKS: Readonly<Record<string, Looks>> = { out: 'bad', stock_out: 'bad', overdue: 'wait', late: 'wait', order: 'new', expiring: 'wait', excess: 'off', no_supplier: 'off', no_forecast: 'off' }
const ORDERS: Readonly<Record<PurchaseOrder['state'], Looks>> = { draft: 'new', sent: 'wait', partly_received: 'wait', received: 'good', closed: 'off', cancelled: 'off' }
const QUIET = new Set(['excess', 'no_forecast'])

export const day = (text: string): string => dayName(Date.parse(text))
export const units = (value: number): string => short(value, Math.abs(value) < 10 ? 1 : 0)
export const doing = ({ states: [first, ...rest] }: Replenishment): Doing =>
  first === undefined ? { looks: 'good', word: m.fine, more: '' } : { looks: LOOKS[first] ?? 'off', word: m.state_of(first), more: rest.map((each) => m.state_of(each)).join(', ') }
export const orderDoing = (order: PurchaseOrder): Doing => ({
  looks: order.overdue ? 'bad' : ORDERS[order.state], word: m.order_state(order.state), more: order.overdue ? m.overdue : order.lead_days === null ? '' : m.took_days(short(order.lead_days, 1)),
})
/** Somebody should do something about it. */
export const isTodo = ({ states }: Replenishment): boolean => states.some((each) => !QUIET.has(each))

/** When somebody waits first, if nothing is ordered. */
export function outWords({ out_on: [first, , last] }: Replenishment, days: number): string {
  if (!first) return m.not_soon(days)
  return last ? (first === last ? day(first) : m.between(day(first), day(last))) : m.from(day(first))
}
