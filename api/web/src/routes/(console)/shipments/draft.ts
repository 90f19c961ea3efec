// The stops of a shipment as they are typed, and the body that they make. Plain data in and out.
import { m } from '#messages/shipments.ts'
import type { ShipmentIn, Site, Stop } from '#shared/api/shapes.ts'
import { instantOf, NoTime, wallTime } from '#shared/zoned.ts'

export interface TypedStop {
  /** Of this page only: rows keep their fields when they move. */
  key: number
  stop_id: string | null
  /** Where: the site chosen, or null for a place of its own. */
  site: string | null
  /** A place is typed, no site looked for. */
  elsewhere: boolean
  text: string
  name: string
  lat: string
  lon: string
  radius_m: number | null
  from: string
  to: string
  reached: boolean
}

let keys = 0

export const emptyStop = (): TypedStop => ({
  key: ++keys, stop_id: null, site: null, elsewhere: false, text: '', name: '', lat: '', lon: '', radius_m: null, from: '', to: '', reached: false,
})

/** A stop that is known, to be changed. */
export const typedOf = (stop: Stop, sites: ReadonlyMap<string, Site>, zone: string): TypedStop => ({
  key: ++keys,
  stop_id: stop.stop_id,
  site: stop.site,
  elsewhere: !stop.site,
  text: stop.site ? (sites.get(stop.site)?.label ?? stop.site) : '',
  name: stop.name,
  lat: String(stop.lat),
  lon: String(stop.lon),
  radius_m: stop.radius_m,
  from: wallTime(stop.window_start, zone),
  to: wallTime(stop.window_end, zone),
  reached: !!stop.arrived_at,
})

/** Moves a stop; those that were reached stay before it. */
export function moved(stops: readonly TypedStop[], at: number, by: number): TypedStop[] {
  const [stop, other] = [stops[at], stops[at + by]]
  if (!stop || !other || stop.reached || other.reached) return [...stops]
  return stops.with(at, other).with(at + by, stop)
}

const number = (text: string): number => (text.trim() ? Number(text.trim().replace('−', '-').replace(',', '.')) : NaN)

/** A time as it was before when it was not touched: seconds that a field does not show stay. */
const kept = (typed: string, before: string | null | undefined, zone: string): string | null =>
  before && wallTime(before, zone) === typed ? before : instantOf(typed, zone)

/** The stops of a body; throws what is wrong with the first that is. `before`: the stop of the same id as it is known. */
export function stopsOf(stops: readonly TypedStop[], zone: string, before: readonly Stop[] = []): ShipmentIn['stops'] {
  return stops.map((stop, i) => {
    const known = before.find(({ stop_id }) => stop_id === stop.stop_id)
    let from: string | null
    let to: string | null
    try {
      from = kept(stop.from, known?.window_start, zone)
      to = kept(stop.to, known?.window_end, zone)
    } catch (error) {
      throw new Error(error instanceof NoTime ? m.fault_time(i + 1) : String(error))
    }
    if (from && to && from > to) throw new Error(m.fault_window(i + 1))
    const window = { window_start: from, window_end: to, ...(stop.stop_id ? { stop_id: stop.stop_id } : {}) }
    if (!stop.elsewhere) {
      if (!stop.site) throw new Error(m.fault_site(i + 1))
      const same = known?.site === stop.site ? { name: known.name, lat: known.lat, lon: known.lon, radius_m: known.radius_m } : {}
      return { site: stop.site, ...same, ...window }
    }
    const [lat, lon] = [number(stop.lat), number(stop.lon)]
    if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) throw new Error(m.fault_place(i + 1))
    return { name: stop.name.trim() || `${lat}, ${lon}`, lat, lon, ...(stop.radius_m ? { radius_m: stop.radius_m } : {}), ...window }
  })
}
