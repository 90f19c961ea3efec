// Where a device was: what a move says, and what takes one back.
import { m } from '#messages/moves.ts'
import type { Assignment, AssignmentIn } from '#shared/api/shapes.ts'
import { clockTime } from '#shared/format.ts'
import { instantOf, NoTime } from '#shared/zoned.ts'

const START = '' // sorts before every time

/** What is said of the time from an instant on, null: since ever; the newest first. */
export const replaced = (history: readonly Assignment[], since: string | null): Assignment[] =>
  history.filter((each) => since === null || each.to === null || Date.parse(each.to) > Date.parse(since))

/** The moves that bring back what was said before of the time from an instant on: nowhere, then each as it was. */
export function undoing(before: readonly Assignment[], since: string | null): AssignmentIn[] {
  const again = replaced(before, since).toSorted((a, b) => ((a.from ?? START) < (b.from ?? START) ? -1 : 1))
  const first: AssignmentIn = since === null ? { since_ever: true } : { from: since, since_ever: false }
  return [
    first,
    ...again.map(({ vehicle, site, zone, from, to }): AssignmentIn => ({
      ...(vehicle ? { vehicle } : {}), ...(site ? { site } : {}), ...(zone ? { zone } : {}),
      ...(from === null ? { since_ever: true } : { from, since_ever: false }),
      ...(to === null ? {} : { to }),
    })),
  ]
}

/** When a device was somewhere, in words. */
export function whenOf({ from, to }: Pick<Assignment, 'from' | 'to'>, now: number): string {
  const day = (time: string): string => clockTime(time, now)
  if (from === null) return to === null ? m.ever : m.until(day(to))
  return to === null ? m.since(day(from)) : m.from_to(day(from), day(to))
}

/** The instant of a wall's time as it is typed, `now` in ms; throws what is to be said when it is none that has been. */
export function typedSince(text: string, zone: string, now: number): string {
  let found: string | null
  try {
    found = instantOf(text, zone)
  } catch (error) {
    throw error instanceof NoTime ? new Error(m.fault_time) : error
  }
  if (!found) throw new Error(m.fault_time)
  if (Date.parse(found) > now + 60_000) throw new Error(m.fault_ahead)
  return found
}
