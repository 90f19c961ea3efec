// Zones and bins of a site by how much is done, kept or doubted there, in five shades.
import type { StockActivity } from '#shared/api/shapes.ts'

export const MEASURES = ['activity', 'pieces', 'doubt'] as const
export type Measure = (typeof MEASURES)[number]
export const SHADES = [0, 1, 2, 3, 4] as const
export type Shade = (typeof SHADES)[number]

/** Null: nothing is there that it could be said of. */
export const valueOf = (spot: StockActivity, by: Measure): number | null => (by === 'activity' ? spot.per_day : by === 'pieces' ? spot.pieces : spot.doubt)

const DIGITS = 2
/** Two digits of it, upwards: 17.3 → 18, 0.284 → 0.29 */
function rounded(n: number): number {
  if (n <= 0) return 0
  const step = 10 ** (Math.floor(Math.log10(n)) - DIGITS + 1)
  return Number((Math.ceil(n / step - 1e-9) * step).toPrecision(DIGITS))
}

/** How far each shade reaches: nothing; then an eighth, a quarter, a half, all of the most there is. Shares: quarters. */
export function reaches(spots: readonly StockActivity[], by: Measure): readonly number[] {
  if (by === 'doubt') return [0, 0.25, 0.5, 0.75, 1]
  const most = Math.max(0, ...spots.map((spot) => valueOf(spot, by) ?? 0))
  return most > 0 ? [0, rounded(most / 8), rounded(most / 4), rounded(most / 2), rounded(most)] : [0]
}

export function shadeOf(value: number | null, reach: readonly number[]): Shade {
  if (value === null || value <= 0) return 0
  const at = reach.findIndex((end) => value <= end)
  return SHADES[at < 0 ? SHADES.length - 1 : at] ?? 0
}

export interface ZoneSpots {
  zone: string
  label: string
  spots: readonly StockActivity[]
}

/** By zone, what lies outside all of them last. */
export function byZone(spots: readonly StockActivity[]): ZoneSpots[] {
  const found = new Map<string, StockActivity[]>()
  for (const spot of spots) {
    const known = found.get(spot.zone ?? '')
    if (known) known.push(spot)
    else found.set(spot.zone ?? '', [spot])
  }
  return [...found].map(([zone, held]) => ({ zone, label: held[0]?.zone_label ?? zone, spots: held })).toSorted((a, b) => Number(!a.zone) - Number(!b.zone) || a.label.localeCompare(b.label))
}
