// What of an order is on which vehicle: folded from its steps, since goods on a vehicle are no more among those on hand here.
import type { OrderStep, StockPlace } from '#shared/api/shapes.ts'

export interface Loaded {
  key: string
  line: number
  sku: string
  lot: string | null
  handling_unit: string | null
  vehicle: string
  /** Where they stood before: they go back there when they are taken off again. */
  from: StockPlace | null
  quantity: number
}

type Told = Pick<OrderStep, 'kind' | 'line' | 'sku' | 'lot' | 'handling_unit' | 'quantity' | 'place' | 'to'>

const OFF: ReadonlySet<string> = new Set(['unload', 'deliver', 'refuse'])
const NOTHING = 1e-9

/** `steps`: the newest first, as they are listed. */
export function loadedOf(steps: readonly Told[]): Loaded[] {
  const found = new Map<string, Loaded>()
  for (const { kind, line, sku, lot, handling_unit, quantity, place, to } of steps.toReversed()) {
    const vehicle = kind === 'load' ? to?.vehicle : place?.vehicle
    const key = JSON.stringify([line, lot, handling_unit, vehicle])
    const there = found.get(key)
    if (kind === 'load' && vehicle) found.set(key, { key, line, sku, lot, handling_unit, vehicle, from: place, quantity: (there?.quantity ?? 0) + quantity })
    else if (OFF.has(kind) && there) found.set(key, { ...there, quantity: there.quantity - quantity })
  }
  return [...found.values()].filter((each) => each.quantity > NOTHING)
}

/** Things that have the same key beside one another, in the order in which they come. */
export function grouped<T>(things: readonly T[], key: (thing: T) => string): [string, T[]][] {
  const found = new Map<string, T[]>()
  for (const thing of things) {
    const name = key(thing)
    found.set(name, [...(found.get(name) ?? []), thing])
  }
  return [...found]
}
