// What the rounds of a plan look like in time, and what a move is.
import type { DispatchPlan, DispatchRoute, DispatchStop } from '#shared/api/shapes.ts'
import { ms } from '#shared/time.ts'

/** An order on its way to another vehicle (null: to none), before the stop of that place (null: where it costs least). */
export interface Move {
  order: string
  label: string
  vehicle: string | null
  at: number | null
}

/** From when to when all rounds are, to the full hour. */
export function spanOf(routes: readonly DispatchRoute[]): [number, number] {
  const used = routes.filter(({ stops }) => stops.length)
  if (!used.length) return [0, 3_600_000]
  const hour = 3_600_000
  return [
    Math.floor(Math.min(...used.map(({ leave }) => ms(leave))) / hour) * hour,
    Math.ceil(Math.max(...used.map(({ home }) => ms(home))) / hour) * hour,
  ]
}

/** Hours that are written above the rounds: about ten of them. */
export function hoursOf([from, until]: readonly [number, number]): number[] {
  const hour = 3_600_000
  const step = [1, 2, 3, 4, 6, 12].find((n) => (until - from) / (n * hour) <= 12) ?? 24
  const found: number[] = []
  for (let at = from; at <= until; at += step * hour) found.push(at)
  return found
}

/** Before which of its stops a thing that is dropped at that time goes. */
export const placeAt = (route: DispatchRoute, time: number, moving: string): number =>
  route.stops.filter((stop) => stop.order !== moving && ms(stop.begin) < time).length

export const stopOf = (plan: DispatchPlan, order: string): { route: DispatchRoute; stop: DispatchStop; n: number } | undefined => {
  for (const route of plan.routes) {
    const n = route.stops.findIndex((stop) => stop.order === order)
    const stop = route.stops[n]
    if (stop) return { route, stop, n }
  }
  return undefined
}

/** Late with more than one chance in five is a risk worth a mark. */
export const RISKY = 0.2
export const PATTERNS = ['', '8 4', '2 4', '10 4 2 4', '14 6', '6 2 2 2'] as const
