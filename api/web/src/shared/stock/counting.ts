// A count as it is filled in: lines by bin, lot and unit, and what a scanned code does to them.
import type { StockFound } from '#shared/api/shapes.ts'

export interface CountLine {
  bin: string
  lot: string
  handling_unit: string
  /** As it is typed; empty: not counted yet. */
  seen: string
  /** What the ledger says, in base units; null: it has no such line. */
  ledger: number | null
}

export const sameLine = (line: CountLine, other: Pick<CountLine, 'bin' | 'lot' | 'handling_unit'>): boolean =>
  line.bin === other.bin && line.lot === other.lot && line.handling_unit === other.handling_unit

export type Outcome = { at: number; add: boolean; lines: readonly CountLine[] } | { other: string }

/** One more of what is typed, or fewer; never less than nothing. */
export const stepped = (seen: string, by: number): string => String(Math.max(0, Number(((Number(seen) || 0) + by).toFixed(6))))

/**
 * What a code does: an item counts one in the line of its lot (made where there is none), the chosen line or the first;
 * a bin, or a unit, chooses its line. `other` is what the code names when that is another product.
 */
export function scannedInto(lines: readonly CountLine[], chosen: number, sku: string, what: StockFound): Outcome {
  const items = what.found.filter((thing) => thing.kind === 'product' || thing.kind === 'lot')
  const mine = items.filter((thing) => thing.sku === sku)
  if (mine.length) {
    const lot = mine.find((thing) => thing.lot)?.lot ?? ''
    if (!lot) return counted(lines, chosen >= 0 ? chosen : 0)
    const fitting = lines.findIndex((line) => line.lot === lot && (chosen < 0 || line.bin === lines[chosen]?.bin))
    const at = fitting >= 0 ? fitting : lines.findIndex((line) => line.lot === lot)
    if (at >= 0) return counted(lines, at)
    const line = { bin: lines[chosen]?.bin ?? '', lot, handling_unit: '', seen: '', ledger: null }
    return counted([...lines, line], lines.length)
  }
  for (const thing of what.found) {
    const at = lines.findIndex((line) => (thing.kind === 'bin' ? line.bin === thing.bin : thing.kind === 'handling_unit' && line.handling_unit === thing.handling_unit))
    if (at >= 0) return { at, add: false, lines }
  }
  return { other: what.found[0]?.label ?? what.names }
}

function counted(lines: readonly CountLine[], at: number): Outcome {
  return { at, add: true, lines: lines.map((line, n) => (n === at ? { ...line, seen: stepped(line.seen, 1) } : line)) }
}
