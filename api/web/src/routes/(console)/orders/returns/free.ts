// What of an order can come back, and how a return of it may be called.
import type { ReturnLine } from '#shared/api/shapes.ts'

/** Goods that can come back, of a line and whence. */
export interface Free {
  key: string
  line: number
  origin: 'delivered' | 'returning'
  label: string
  sku: string
  unit: string
  most: number
}
interface Line {
  line: number
  label: string
  sku: string
  base_unit: string
  stages: Readonly<Record<string, number>>
}
type Awaited = Pick<ReturnLine, 'line' | 'origin' | 'quantity' | 'state'>
const NOTHING = 1e-9

/** What is delivered or rides back and is not announced yet. */
export const freeOf = (lines: readonly Line[], returns: readonly { lines: readonly Awaited[] }[]): Free[] =>
  lines.flatMap(({ line, label, sku, base_unit: unit, stages }) =>
    (['delivered', 'returning'] as const).flatMap((origin): Free[] => {
      const awaited = returns.flatMap((each) => each.lines).filter((each) => each.state === 'announced' && each.line === line && each.origin === origin)
      const most = (stages[origin] ?? 0) - awaited.reduce((sum, each) => sum + each.quantity, 0)
      return most > NOTHING ? [{ key: `${line}-${origin}`, line, origin, label, sku, unit, most }] : []
    }),
  )

/** A name for a new return of an order that none of its returns has. */
export function nameFor(order: string, used: readonly string[]): string {
  const base = order.replaceAll(/[^A-Za-z0-9_.-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 34) || 'RMA'
  let n = 1
  while (used.includes(`${base}-R${n}`)) n += 1
  return `${base}-R${n}`
}
