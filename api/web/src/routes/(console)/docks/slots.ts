// An appointment in time: when it is, when its truck is expected, how far it is, where it goes.
import { m } from '#messages/docks.ts'
import type { DockAppointment, DockSchedule, Scheduled } from '#shared/api/shapes.ts'
import { iso } from '#shared/api/client.ts'
import { ms } from '#shared/time.ts'

export const MINUTE = 60_000
export const SLOT = 15 * MINUTE

/** An appointment on its way to another door (null: any) or time. */
export interface Move {
  id: string
  door: string | null
  begin: number
  end: number
}

export const moveOf = (of: DockAppointment): Move => ({ id: of.id, door: of.door, begin: ms(of.begins_at), end: ms(of.ends_at) })

/** So many slots later, at a door so many further down; what is over stays. */
export function moved(move: Move, slots: number, doors: readonly (string | null)[], steps = 0): Move {
  const at = doors.indexOf(move.door) + steps
  const door = steps ? (doors[Math.min(doors.length - 1, Math.max(0, at))] ?? null) : move.door
  return { ...move, door, begin: move.begin + slots * SLOT, end: move.end + slots * SLOT }
}

export const sameMove = (a: Move, b: Move): boolean => a.door === b.door && a.begin === b.begin && a.end === b.end

/** A person may still move it. */
export const isMovable = (of: Scheduled): boolean => of.state === 'booked' || of.state === 'arrived'

/** Who comes, in a word. */
export const whoOf = (of: DockAppointment): string => of.vehicle_label ?? (of.truck || of.carrier_label || of.goods || of.id)

export const bodyOf = (move: Move, version: number) => ({ id: move.id, version, door: move.door, begins_at: iso(move.begin), ends_at: iso(move.end) })

/** Rows of the plan: doors, and any door where one is booked so. */
export function rowsOf(plan: DockSchedule): (string | null)[] {
  const any = plan.appointments.some(({ door, state }) => door === null && state !== 'cancelled')
  return [...plan.doors.map(({ door }) => door), ...(any ? [null] : [])]
}

/** What stands in lanes of a row, so that two at once are beside one another. */
export function lanesOf(row: readonly Scheduled[]): { of: Scheduled; lane: number }[] {
  const ends: number[] = []
  return row.toSorted((a, b) => ms(a.begins_at) - ms(b.begins_at)).map((of) => {
    const free = ends.findIndex((end) => end <= ms(of.begins_at))
    const lane = free < 0 ? ends.length : free
    ends[lane] = ms(of.ends_at)
    return { of, lane }
  })
}

/** A conflict in words: the other one by who comes. */
export function conflictOf(plan: DockSchedule, { kind, other }: { kind: string; other: string | null }): string {
  const of = plan.appointments.find(({ id }) => id === other)
  return m.conflict(kind, of ? whoOf(of) : other)
}

const HOUR = 60 * MINUTE

/** The hours of a day that are used, with now, an hour around them, and eight at least. */
export function spanOf(plan: DockSchedule, shown: readonly Scheduled[], now: number): [number, number] {
  const [first, last] = [ms(plan.since), ms(plan.until)]
  const used = [
    ...shown.flatMap(({ begins_at, ends_at, arrival }) => [begins_at, ends_at, arrival?.p10, arrival?.p90].map((at) => ms(at))),
    ...plan.dockings.flatMap(({ began_at, ended_at, expected_end }) => [began_at, ended_at, expected_end].map((at) => ms(at))),
    ...(now >= first && now < last ? [now] : []),
  ].filter((at) => at >= first && at <= last)
  if (!used.length) return [first + 6 * HOUR, first + 18 * HOUR]
  const from = Math.max(first, Math.floor((Math.min(...used) - HOUR) / HOUR) * HOUR)
  const until = Math.min(last, Math.ceil((Math.max(...used) + HOUR) / HOUR) * HOUR)
  const more = Math.max(0, 8 * HOUR - (until - from))
  return [Math.max(first, from - more), until]
}
