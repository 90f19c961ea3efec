// What lies at a site of one product, over all its zones.
import type { Stock } from '#shared/api/shapes.ts'

export const totalKey = (s: Pick<Stock, 'site' | 'sku'>): string => `${s.site} ${s.sku}`

/** Quantity and number of zones by `totalKey`. */
export function siteTotals(levels: readonly Stock[]): Map<string, { quantity: number; zones: number }> {
  const totals = new Map<string, { quantity: number; zones: number }>()
  for (const level of levels) {
    const seen = totals.get(totalKey(level))
    if (seen) {
      seen.quantity += level.quantity
      seen.zones += 1
    } else totals.set(totalKey(level), { quantity: level.quantity, zones: 1 })
  }
  return totals
}
