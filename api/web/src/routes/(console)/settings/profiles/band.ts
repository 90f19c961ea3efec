// Where limits lie on a scale that several profiles share: ratios from 0 to 1 of its width.
import type { ProfileBand } from '#shared/api/shapes.ts'

export type Limit = Pick<ProfileBand, 'name' | 'op' | 'limit_c' | 'for_s' | 'severity'>

export interface Limits {
  low_c: number | null
  high_c: number | null
  bands: readonly Limit[]
}

export interface Scale {
  from_c: number
  to_c: number
}

/** From where to where it is how bad; `good` is the range, `beyond` outside of it where no limit is passed yet. */
export interface Stretch {
  start: number
  end: number
  how: 'good' | 'beyond' | Limit['severity']
}

const STEP_C = 5
const BADNESS = ['info', 'warning', 'critical'] as const

/** Whether warmth is the danger. */
export const isAbove = ({ op }: Pick<Limit, 'op'>): boolean => op === '>' || op === '>='

/** Degrees between which all limits lie, with room on both sides. */
export function scaleOf(profiles: readonly Limits[]): Scale {
  const all = profiles.flatMap(({ low_c, high_c, bands }) => [low_c, high_c, ...bands.map((each) => each.limit_c)].filter((each) => each !== null))
  if (!all.length) return { from_c: -30, to_c: 30 }
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const room = Math.max(STEP_C, (high - low) * 0.1)
  return { from_c: Math.floor((low - room) / STEP_C) * STEP_C, to_c: Math.ceil((high + room) / STEP_C) * STEP_C }
}

export function placeOf(degrees: number, { from_c, to_c }: Scale): number {
  return Math.min(1, Math.max(0, (degrees - from_c) / (to_c - from_c)))
}

/** How bad it is, by the limit that is farthest out, of several the first one up; from the cold end of the scale on. */
export function stretchesOf({ low_c, high_c, bands }: Limits, scale: Scale): Stretch[] {
  const edges = [low_c, high_c, ...bands.map((each) => each.limit_c)].filter((each) => each !== null && each > scale.from_c && each < scale.to_c)
  const cuts = [scale.from_c, ...[...new Set(edges as number[])].sort((a, b) => a - b), scale.to_c]
  const found: Stretch[] = []
  for (const [i, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[i + 1] ?? from
    const middle = (from + to) / 2
    const passed = bands.filter((each) => (isAbove(each) ? middle > each.limit_c : middle < each.limit_c))
    const far = (each: Limit): number => Math.abs(middle - each.limit_c)
    const [first] = passed.sort((a, b) => far(a) - far(b) || a.for_s - b.for_s || BADNESS.indexOf(b.severity) - BADNESS.indexOf(a.severity))
    const outside = (low_c !== null && middle < low_c) || (high_c !== null && middle > high_c)
    const how = first?.severity ?? (outside ? 'beyond' : 'good')
    const last = found.at(-1)
    if (last?.how === how) last.end = placeOf(to, scale)
    else found.push({ start: placeOf(from, scale), end: placeOf(to, scale), how })
  }
  return found
}

/** The warmest first. */
export const ordered = <Band extends { limit_c: number; for_s: number }>(bands: readonly Band[]): Band[] =>
  [...bands].sort((a, b) => b.limit_c - a.limit_c || a.for_s - b.for_s)

/** A number as people type it, with a point or a comma; null when nothing is said, NaN when it is none. */
export const numberOf = (text: string): number | null => (text.trim() ? Number(text.trim().replace('−', '-').replace(',', '.')) : null)
