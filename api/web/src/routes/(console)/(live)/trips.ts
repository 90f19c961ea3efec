// Trips, stops and gaps of a vehicle in words.
import { m } from '#messages/live.ts'
import type { Trip } from '#shared/api/shapes.ts'
import { distance, ms, span } from '#shared/format.ts'

export { midnight } from '#shared/format.ts'

/** What is told of a trip. */
export type Told = Pick<Trip, 'kind' | 'started_at' | 'ended_at' | 'distance_m' | 'gap_m' | 'idle_s' | 'unknown_s' | 'carried_m'>

const WORDS: Record<Trip['kind'], string> = { trip: m.trip, stop: m.stop, unknown: m.unknown }
const WORTH_TELLING_S = 60
const WORTH_TELLING_M = 500

/** 'Trip, 12.4 km', 'Stop at Depot'; `place` is the name of the site. */
export function title(trip: Told, place: string | null): string {
  if (trip.kind === 'trip' && trip.distance_m !== null) return `${WORDS.trip}, ${distance(trip.distance_m)}`
  return trip.kind === 'stop' && place ? m.stop_at(place) : WORDS[trip.kind]
}

/** What there is to say beside: '23 min, 4 min with the engine on, 11 min and 3.1 km out of sight'. */
export function details(trip: Told, now: number): string {
  const said = [span((trip.ended_at ? ms(trip.ended_at) : now) - ms(trip.started_at))]
  if ((trip.idle_s ?? 0) >= WORTH_TELLING_S) said.push(m.engine_on(span((trip.idle_s ?? 0) * 1000)))
  if ((trip.carried_m ?? 0) >= WORTH_TELLING_M) said.push(m.carried(distance(trip.carried_m ?? 0)))
  if ((trip.unknown_s ?? 0) >= WORTH_TELLING_S || trip.kind === 'unknown') {
    const unseen = trip.kind === 'unknown' ? '' : `${span((trip.unknown_s ?? 0) * 1000)} `
    said.push(m.out_of_sight(unseen.trim(), trip.gap_m ? distance(trip.gap_m) : ''))
  }
  return said.join(', ')
}
