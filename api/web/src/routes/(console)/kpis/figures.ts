// Figures as they are shown, and what is said of them.
import { m } from '#messages/kpis.ts'
import type { KpiFigure, KpiHead } from '#shared/api/shapes.ts'
import { dayName, MISSING, short } from '#shared/format.ts'
import type { Status } from '#shared/status.ts'

const GLUE = '\u00a0'

/** 0.953 of `share` → '95.3 %', 2.25 of `h` → '2.3 h'. */
export function shown(value: number | null | undefined, unit: string): string {
  if (value == null) return MISSING
  const of = unit === 'share' ? value * 100 : value
  return `${short(of, of < 100 ? 1 : 0)}${GLUE}${m.unit(unit)}`
}

/** What a field for it begins with. */
export const typed = (value: number | null, unit: string): string => (value === null ? '' : String(Number((unit === 'share' ? value * 100 : value).toFixed(6))))
export const meant = (text: string, unit: string): number | null => (text.trim() ? Number(text) / (unit === 'share' ? 100 : 1) : null)

export const day = (date: string): string => dayName(Date.parse(date))

/** What is said of the newest figure, with a shape of its own. */
export function mark(kpi: KpiHead): { status: Status; words: string } {
  const { newest, limits } = kpi
  if (newest?.signal) return newest.better ? { status: 'moving', words: m.better } : { status: 'late', words: m.worse }
  return limits ? { status: 'stopped', words: m.noise } : { status: 'stale', words: m.few }
}

/** How sure a figure is, and of how many facts. */
export function basis(figure: KpiFigure, unit: string): string {
  const bounds = figure.low !== null && figure.high !== null ? m.between(shown(figure.low, unit), shown(figure.high, unit)) : ''
  return [bounds, figure.p90 === null ? '' : m.p90(shown(figure.p90, unit)), m.of(figure.facts)].filter(Boolean).join(', ')
}

/** Runs of values that are known, as a path: nothing is drawn where there is none. */
export function path(values: readonly (number | null)[], x: (n: number) => number, y: (value: number) => number): string {
  let drawn = ''
  let pen = false
  values.forEach((value, n) => {
    if (value !== null) drawn += `${pen ? 'L' : 'M'}${x(n).toFixed(1)},${y(value).toFixed(1)}`
    pen = value !== null
  })
  return drawn
}
