// Forecasts in the order in which somebody should look at them.
import type { ForecastNow } from '#shared/api/shapes.ts'

import type { List } from './view.svelte.ts'

const SOON_DAYS = 7
const EXCESS_DAYS = 90
const HELD_MIN = 0.6

export const isOut = ({ days_of_cover }: ForecastNow): boolean => days_of_cover !== null && days_of_cover < SOON_DAYS
export const isExcess = ({ days_of_cover, on_hand, week }: ForecastNow): boolean => (days_of_cover !== null && days_of_cover > EXCESS_DAYS) || ((on_hand ?? 0) > 0 && week <= 0)
export const isOff = ({ switched_off, mase, naive_mase, within_80 }: ForecastNow): boolean =>
  switched_off || (mase !== null && naive_mase !== null && mase > naive_mase) || (within_80 !== null && within_80 < HELD_MIN)

const FITS: Readonly<Record<List, (line: ForecastNow) => boolean>> = { all: () => true, out: isOut, excess: isExcess, off: isOff }

/** Those of a list, what runs out first before the others. */
export function listed(lines: readonly ForecastNow[], list: List, text: string): readonly ForecastNow[] {
  const wanted = text.trim().toLowerCase()
  return lines
    .filter((line) => FITS[list](line) && `${line.site} ${line.sku} ${line.label}`.toLowerCase().includes(wanted))
    .toSorted((a, b) => (a.days_of_cover ?? Infinity) - (b.days_of_cover ?? Infinity) || b.week - a.week || a.id.localeCompare(b.id))
}

/** By how many percent a model is less off than the naive forecast; negative: more. Null where nobody knows. */
export function gain({ mase, naive_mase }: ForecastNow): number | null {
  return mase === null || !naive_mase ? null : Math.round(100 * (1 - mase / naive_mase))
}
