// Fences as people write and draw them: circle, polygon, or all that is within a radius of a line; GeoJSON or WKT.
// Plain data in and out. The server has the last word on what is a fence; this says early what cannot be one.
import type { Geometry, LineString, MultiPolygon, Polygon, Position } from 'geojson'

import { m } from '#messages/sites.ts'

export const KINDS = ['dc', 'store', 'customer', 'depot'] as const
export type Kind = (typeof KINDS)[number]
export const SHAPES = ['circle', 'polygon', 'corridor'] as const
export type Shape = (typeof SHAPES)[number]
export type Area = Polygon | MultiPolygon

export interface Fence {
  lat: number
  lon: number
  radius_m: number
  polygon: Area | null
  corridor: LineString | null
}

export const RADIUS_MIN = 10
export const RADIUS_MAX = 100_000
const M_PER_DEG = (Math.PI / 180) * 6_371_008.8
const AREA_M2_MIN = 100
const CORNERS_LOOKED_AT = 400 // whether each side crosses each other costs their square; the server looks at all

export const shapeOf = (fence: Pick<Fence, 'polygon' | 'corridor'>): Shape => (fence.polygon ? 'polygon' : fence.corridor ? 'corridor' : 'circle')

/** Metres between two places, as good as exact for what lies near. */
export function metres(a: Position, b: Position): number {
  const [lon1 = 0, lat1 = 0] = a
  const [lon2 = 0, lat2 = 0] = b
  const turn = lon2 - lon1 - 360 * Math.round((lon2 - lon1) / 360)
  const x = turn * Math.cos((((lat1 + lat2) / 2) * Math.PI) / 180)
  return Math.hypot(x, lat2 - lat1) * M_PER_DEG
}

/** Reads GeoJSON (a geometry, a Feature, a collection of one) or WKT; throws what is wrong in the user's words. */
export function readShape(text: string): Geometry {
  const trimmed = text.trim()
  if (!trimmed) throw new Error(m.fault_no_shape)
  if (!/^[{[]/.test(trimmed)) return readWkt(trimmed)
  let given: unknown
  try {
    given = JSON.parse(trimmed)
  } catch {
    throw new Error(m.fault_json)
  }
  return geometryOf(given)
}

function geometryOf(given: unknown): Geometry {
  const object = given as { type?: string; geometry?: unknown; features?: unknown[]; geometries?: unknown[]; coordinates?: unknown } | null
  switch (object?.type) {
    case 'Feature':
      return geometryOf(object.geometry)
    case 'FeatureCollection':
    case 'GeometryCollection': {
      const among = object.features ?? object.geometries ?? []
      if (among.length !== 1) throw new Error(m.fault_one_shape)
      return geometryOf(among[0])
    }
    case 'Point':
    case 'LineString':
    case 'Polygon':
    case 'MultiPolygon':
      return sound({ type: object.type, coordinates: object.coordinates } as Geometry)
    default:
      throw new Error(m.fault_kind(String(object?.type ?? typeof given)))
  }
}

const DEPTH: Readonly<Record<string, number>> = { Point: 0, LineString: 1, Polygon: 2, MultiPolygon: 3 }

/** The same with pairs of numbers only and rings that end where they begin. */
function sound(geometry: Geometry): Geometry {
  const read = (value: unknown, depth: number): unknown => {
    if (!Array.isArray(value)) throw new Error(m.fault_numbers)
    if (depth) return value.map((each) => read(each, depth - 1))
    const [lon, lat] = value as unknown[]
    if (typeof lon !== 'number' || typeof lat !== 'number' || !Number.isFinite(lon) || !Number.isFinite(lat)) throw new Error(m.fault_numbers)
    return [lon, lat]
  }
  const made = { type: geometry.type, coordinates: read((geometry as Polygon).coordinates, DEPTH[geometry.type] ?? 0) } as Geometry
  if (made.type === 'Polygon') made.coordinates = made.coordinates.map(closed)
  if (made.type === 'MultiPolygon') made.coordinates = made.coordinates.map((rings) => rings.map(closed))
  return made
}

function closed(ring: Position[]): Position[] {
  const [first, last] = [ring[0], ring.at(-1)]
  return first && last && (first[0] !== last[0] || first[1] !== last[1]) ? [...ring, first] : ring
}

const WKT = /^(?:SRID=4326;)?\s*(POINT|LINESTRING|POLYGON|MULTIPOLYGON)\s*(?:Z|M|ZM)?\s*(\(.*\))$/is
const NAMES: Readonly<Record<string, string>> = { POINT: 'Point', LINESTRING: 'LineString', POLYGON: 'Polygon', MULTIPOLYGON: 'MultiPolygon' }

export const isWkt = (text: string): boolean => /^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b/i.test(text)

/** Well-known text as databases write it: longitude before latitude, heights left out. */
export function readWkt(text: string): Geometry {
  const [, kind = '', body = ''] = WKT.exec(text.trim()) ?? []
  const type = NAMES[kind.toUpperCase()]
  if (!type) throw new Error(isWkt(text) ? m.fault_kind(text.trim().split(/[\s(]/)[0] ?? '') : m.fault_text)
  if (!/^[\s\d.,()eE+-]*$/.test(body)) throw new Error(m.fault_numbers)
  const listed = body.replace(/[^(),]+/g, (numbers) => (numbers.trim() ? `[${numbers.trim().split(/\s+/).map((n) => Number(n)).join(',')}]` : ''))
  let coordinates: unknown
  try {
    coordinates = JSON.parse(listed.replaceAll('(', '[').replaceAll(')', ']'))
  } catch {
    throw new Error(m.fault_text)
  }
  if (type === 'Point') coordinates = (coordinates as unknown[])[0]
  return sound({ type, coordinates } as Geometry)
}

const ringsOf = (area: Area): Position[][] => (area.type === 'Polygon' ? area.coordinates : area.coordinates.flat())

export function positionsOf(geometry: Geometry): Position[] {
  switch (geometry.type) {
    case 'Point':
      return [geometry.coordinates]
    case 'LineString':
      return geometry.coordinates
    case 'Polygon':
    case 'MultiPolygon':
      return ringsOf(geometry).flat()
    default:
      return []
  }
}

/** Square metres inside a ring, and where its middle is. */
function middle(ring: readonly Position[]): { area: number; at: Position } {
  const [lon0 = 0, lat0 = 0] = ring[0] ?? []
  let [twice, x, y] = [0, 0, 0]
  for (let i = 1; i < ring.length; i++) {
    const [ax = 0, ay = 0] = ring[i - 1] ?? []
    const [bx = 0, by = 0] = ring[i] ?? []
    const [dx, dy, ex, ey] = [turned(ax - lon0), ay - lat0, turned(bx - lon0), by - lat0]
    const cross = dx * ey - ex * dy
    twice += cross
    x += (dx + ex) * cross
    y += (dy + ey) * cross
  }
  const at = twice ? [round(turned(lon0 + x / (3 * twice))), round(lat0 + y / (3 * twice))] : [lon0, lat0]
  return { area: (Math.abs(twice) / 2) * M_PER_DEG ** 2 * Math.cos((lat0 * Math.PI) / 180), at }
}

const turned = (lon: number): number => lon - 360 * Math.round(lon / 360)
export const round = (degrees: number): number => Number(degrees.toFixed(6))

/** Where a site of that shape is said to be: the middle of its largest part, or of its line. */
export function centreOf(geometry: Geometry): Position {
  if (geometry.type === 'Polygon' || geometry.type === 'MultiPolygon') {
    const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
    const all = parts.map((rings) => middle(rings[0] ?? []))
    return all.reduce((a, b) => (b.area > a.area ? b : a)).at
  }
  const line = positionsOf(geometry)
  return (line[Math.floor((line.length - 1) / 2)] ?? [0, 0]).map(round)
}

/** A fence of a shape that was read or drawn; `radius` is that of a point or of a line. */
export function fenceOf(geometry: Geometry, radius: number): Fence {
  const [lon = 0, lat = 0] = centreOf(geometry)
  const area = geometry.type === 'Polygon' || geometry.type === 'MultiPolygon' ? geometry : null
  return { lat, lon, radius_m: radius, polygon: area, corridor: geometry.type === 'LineString' ? geometry : null }
}

/** The same fence elsewhere. */
export function moved(fence: Fence, lat: number, lon: number): Fence {
  const by = [lon - fence.lon, lat - fence.lat] as const
  const shift = (value: unknown): unknown =>
    Array.isArray(value) && typeof value[0] === 'number' ? [round(turned(value[0] + by[0])), round(Number(value[1]) + by[1])] : (value as unknown[]).map(shift)
  const put = <T extends Area | LineString>(shape: T | null): T | null => shape && ({ ...shape, coordinates: shift(shape.coordinates) } as T)
  return { ...fence, lat, lon, polygon: put(fence.polygon), corridor: put(fence.corridor) }
}

/** What cannot be a fence, in words; empty when nothing is seen to be wrong. */
export function faultOf({ lat, lon, radius_m, polygon, corridor }: Fence): string {
  if (!Number.isFinite(lat) || !Number.isFinite(lon)) return m.fault_place
  for (const [x = 0, y = 0] of [[lon, lat], ...positionsOf(polygon ?? corridor ?? { type: 'Point', coordinates: [lon, lat] })]) {
    if (Math.abs(y) > 90 && Math.abs(x) <= 90) return m.fault_swapped(y)
    if (Math.abs(y) > 90 || Math.abs(x) > (polygon || corridor ? 360 : 180)) return m.fault_degrees(y, x)
  }
  if (!polygon && !(radius_m >= RADIUS_MIN && radius_m <= RADIUS_MAX)) return m.fault_radius
  if (corridor && corridor.coordinates.length < 2) return m.fault_line
  if (corridor && corridor.coordinates.length > 2000) return m.fault_many(corridor.coordinates.length)
  for (const ring of polygon ? ringsOf(polygon) : []) {
    if (ring.length < 4) return m.fault_corners
    if (ring.length > 2000) return m.fault_many(ring.length)
    if (crosses(ring)) return m.fault_crosses
    if (middle(ring).area < AREA_M2_MIN) return m.fault_small(Math.round(middle(ring).area))
  }
  return ''
}

function crosses(ring: readonly Position[]): boolean {
  if (ring.length > CORNERS_LOOKED_AT) return false
  const side = (a: Position, b: Position, c: Position): number =>
    Math.sign(((b[0] ?? 0) - (a[0] ?? 0)) * ((c[1] ?? 0) - (a[1] ?? 0)) - ((b[1] ?? 0) - (a[1] ?? 0)) * ((c[0] ?? 0) - (a[0] ?? 0)))
  const sides = ring.slice(1).map((end, i) => [ring[i]!, end] as const)
  return sides.some(([a, b], i) =>
    sides.some(([c, d], j) => j > i + 1 && !(i === 0 && j === sides.length - 1) && side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0),
  )
}

/** Whether readings would fall inside at other times than before. */
export function differs(a: Fence & { dwell_s: number }, b: Fence & { dwell_s: number }): boolean {
  const told = (f: typeof a): string => JSON.stringify([f.polygon || f.corridor ? 0 : [f.lat, f.lon], f.polygon ? 0 : f.radius_m, f.polygon, f.corridor, f.dwell_s])
  return told(a) !== told(b)
}

/** A name for the system out of a name for people: 'Köln Süd 2' → 'koln-sud-2'. */
export const slug = (name: string): string =>
  name
    .replace(/ß/g, 'ss')
    .replace(/[øØ]/g, 'o')
    .replace(/[æÆ]/g, 'ae')
    .replace(/[łŁ]/g, 'l')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 64)

export const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/
