// Where limits lie on a scale that several profiles share: ratios from 0 to 1 of its width.
import type { TemperatureProfile } from '#shared/api/shapes.ts'

export type Limits = Pick<TemperatureProfile, 'low_c' | 'high_c' | 'hysteresis_c'>

export interface Scale {
  from_c: number
  to_c: number
}

export interface Band {
  /** Where it is neither too cold nor too warm; to the edge where there is no limit. */
  start: number
  end: number
  /** Where an alarm is over. */
  calm_start: number
  calm_end: number
}

const STEP_C = 5

/** Degrees between which all limits lie, with room on both sides. */
export function scaleOf(profiles: readonly Limits[]): Scale {
  const all = profiles.flatMap(({ low_c, high_c }) => [low_c, high_c].filter((each) => each !== null))
  if (!all.length) return { from_c: -30, to_c: 30 }
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const room = Math.max(STEP_C, (high - low) * 0.1)
  return { from_c: Math.floor((low - room) / STEP_C) * STEP_C, to_c: Math.ceil((high + room) / STEP_C) * STEP_C }
}

export function placeOf(degrees: number, { from_c, to_c }: Scale): number {
  return Math.min(1, Math.max(0, (degrees - from_c) / (to_c - from_c)))
}

export function bandOf({ low_c, high_c, hysteresis_c }: Limits, scale: Scale): Band {
  const [start, end] = [low_c === null ? 0 : placeOf(low_c, scale), high_c === null ? 1 : placeOf(high_c, scale)]
  const calm_start = low_c === null ? 0 : placeOf(low_c + hysteresis_c, scale)
  const calm_end = high_c === null ? 1 : placeOf(high_c - hysteresis_c, scale)
  // A hysteresis wider than the band leaves no calm: a line in its middle.
  const middle = (start + end) / 2
  return calm_start <= calm_end ? { start, end, calm_start, calm_end } : { start, end, calm_start: middle, calm_end: middle }
}

/** A number as people type it, with a point or a comma; null when nothing is said, NaN when it is none. */
export const numberOf = (text: string): number | null => (text.trim() ? Number(text.trim().replace('−', '-').replace(',', '.')) : null)
