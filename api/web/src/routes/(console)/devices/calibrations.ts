// Calibrations in words, and whom one has changed here.
import { m } from '#messages/calibrations.ts'
import type { CalibrationOfProbe, ProbeCalibration } from '#shared/api/shapes.ts'
import { ms } from '#shared/format.ts'

const DAY_MS = 86_400_000

/** '2027-01-31' of a day that was told as an instant. */
export const dayOf = (time: string | null): string => time?.slice(0, 10) ?? ''

/** A day as an instant: the calibration holds from, or until, its beginning in UTC. */
export const instantOfDay = (day: string): string | null => (day ? `${day}T00:00:00Z` : null)

/** 'due 2027-01-31, in 62 days' */
export function dueWords({ due }: Pick<ProbeCalibration, 'due'>, now: number): string {
  if (!due) return m.state('unknown')
  const days = Math.floor((ms(due) - now) / DAY_MS)
  return days >= 0 ? m.due(dayOf(due), m.days(days)) : m.was_due(dayOf(due), m.days(-days))
}

/** Shapes beside the words: a diamond, a triangle, a tick, a ring. */
export const SHAPES: Readonly<Record<ProbeCalibration['state'], string>> = { overdue: '◆', due_soon: '▲', valid: '✓', unknown: '○' }

/** How many are overdue, and how many will be soon. */
export function countsOf(found: readonly CalibrationOfProbe[]): [number, number] {
  const of = (state: ProbeCalibration['state']): number => found.filter((each) => each.calibration?.state === state).length
  return [of('overdue'), of('due_soon')]
}
