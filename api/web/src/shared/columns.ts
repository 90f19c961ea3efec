// A curve as columns, cut where nobody knows how it was.
import type { Series } from './api/shapes.ts'
import { degrees, ms } from './format.ts'

interface Curve extends Pick<Series, 'points' | 'max_interval_s'> {
  summary: Pick<Series['summary'], 'gaps' | 'gap_count'>
}

/**
 * Seconds, and degrees as they are shown, with a hole at each gap: unknown is not a straight line. Points that are left out
 * for a drawing lie further apart and are none; only behind the last gap that is told by itself the distance decides.
 */
export function columns({ points, max_interval_s, summary: { gaps, gap_count } }: Curve): [number[], (number | null)[]] {
  const x: number[] = []
  const y: (number | null)[] = []
  const told = gap_count > gaps.length ? ms(gaps.at(-1)?.end) / 1000 : Infinity
  let next = 0
  for (const { t, temp_c } of points) {
    const at = Date.parse(t) / 1000
    const before = x.at(-1)
    let hole = before !== undefined && before >= told && at - before > max_interval_s
    for (let gap = gaps[next]; gap && ms(gap.end) / 1000 <= at; gap = gaps[++next]) hole ||= before !== undefined
    if (hole && before !== undefined) {
      x.push(before + 1)
      y.push(null)
    }
    x.push(at)
    y.push(temp_c === null ? null : degrees(temp_c))
  }
  return [x, y]
}
