// What became of goods at a stop, as somebody taps it, and as it is told.
import type { ProofIn, RunGoods, RunOrder, RunStop } from '#shared/api/shapes.ts'

export const FATES = ['accepted', 'short', 'damaged', 'refused'] as const
export type Fate = (typeof FATES)[number]
export const REASONS = ['damaged', 'too_warm', 'expired', 'not_ordered', 'wrong_goods', 'missing', 'no_room', 'other'] as const

/** Of some goods: one fate, of so many; all others of them are accepted. */
export interface Row {
  readonly goods: RunGoods
  fate: Fate | ''
  count: number
  reason: string
}

export const rowsOf = (orders: readonly RunOrder[]): Row[] =>
  orders.flatMap(({ goods }) => goods.map((each) => ({ goods: each, fate: '' as const, count: each.quantity, reason: '' })))

/** Customers of a stop with their orders: each signs for themselves. */
export function customersOf(stop: RunStop): { customer: string; label: string; orders: RunOrder[] }[] {
  const found = new Map<string, { customer: string; label: string; orders: RunOrder[] }>()
  for (const order of stop.orders) {
    const one = found.get(order.customer) ?? { customer: order.customer, label: order.customer_label, orders: [] }
    one.orders.push(order)
    found.set(order.customer, one)
  }
  return [...found.values()]
}

/** How many of it are not accepted. */
export const partOf = ({ goods, fate, count }: Row): number => (fate === 'accepted' || fate === '' ? 0 : Math.min(Math.max(count, 0), goods.quantity))

export function lineOf(row: Row): ProofIn['lines'] extends (infer Line)[] | undefined ? Line : never {
  const { goods, fate, reason } = row
  const part = partOf(row)
  const some = { accepted: goods.quantity - part, short: 0, damaged: 0, refused: 0 }
  if (part && fate && fate !== 'accepted') some[fate] = part
  return { order: goods.order, line: goods.line, handling_unit: goods.handling_unit, lot: goods.lot, ...some, reason: part ? reason : '' }
}

const plain = (code: string): string => code.replace(/[()\s\u001d]/g, '').replace(/^\]C1|^\]d2|^\]Q3/, '')

/** Whether a code that was scanned is of some goods: of their unit, product or lot. */
export function isOf(code: string, { handling_unit, gtin, sku, lot }: RunGoods): boolean {
  const scanned = plain(code)
  if (!scanned) return false
  if (handling_unit) return scanned === handling_unit || scanned === `00${handling_unit}` || scanned.includes(`/00/${handling_unit}`)
  return [sku, lot].some((each) => each && scanned === plain(each)) || (!!gtin && scanned.includes(gtin.padStart(14, '0')))
}
