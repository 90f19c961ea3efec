// What a file would bring: GeoJSON, WKT, CSV or KML of a stranger, read into lines, each a site or what is wrong with it
// and how to mend it. Plain data in and out; nothing is sent from here.
import type { Geometry } from 'geojson'

import { m } from '#messages/sites.ts'
import { plain, tableOf, textOf } from '#shared/table.ts'

import { faultOf, fenceOf, isWkt, KINDS, metres, NAME, readShape, slug } from './fence.ts'
import type { Fence, Kind } from './fence.ts'

export const LINES_MAX = 10_000
const RADIUS = 150
const FAR_M = 1_500_000
const NEAR_M = 500_000

/** One thing of a file, before anybody judged it. */
export interface Raw {
  /** Its line, or its place in the file. */
  at: number
  id: string
  label: string
  kind: string
  radius: string
  dwell: string
  tz: string
  zones: { id: string; label: string }[]
  lat?: number
  lon?: number
  shape?: Geometry | string
}

export interface Read {
  lines: Raw[]
  /** More were in the file than are taken. */
  left: number
  /** What is worth knowing of the file as a whole. */
  notes: string[]
}

export interface Line {
  at: number
  id: string
  label: string
  kind: Kind
  fence: Fence | null
  dwell_s: number
  tz: string
  zones: { id: string; label: string }[]
  /** Why it cannot come in, and how to mend that. */
  fault: string
  /** What was taken to be meant. */
  notes: string[]
  /** It is there already and would be changed. */
  changes: boolean
}

export interface Choices {
  /** Those that are there already are changed. */
  change: boolean
  /** Latitude and longitude are the other way round in the file. */
  swap: boolean
  /** Of those that do not say. */
  kind: Kind
}

/** Reads a file, whatever of the four it is; throws what is wrong with it as a whole. */
export async function readFile(bytes: Uint8Array): Promise<Read> {
  const { text, note } = textOf(bytes)
  const start = text.trimStart()
  const all = start.startsWith('<') ? await readKml(start) : /^[{[]/.test(start) ? readGeoJson(start) : isWkt(start) ? readLines(text) : readCsv(text)
  if (!all.length) throw new Error(m.file_none)
  return { lines: all.slice(0, LINES_MAX), left: Math.max(0, all.length - LINES_MAX), notes: note ? [note] : [] }
}

async function readKml(text: string): Promise<Raw[]> {
  // A stranger's entities could grow without bound; no honest file of places has any.
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Error(m.file_doctype)
  const { features } = await import('./kml.ts')
  return features(text).map((each, i) => feature(each, i + 1))
}

function readGeoJson(text: string): Raw[] {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    try {
      given = text.split(/\r?\n/).flatMap((line) => (line.trim() ? [JSON.parse(line.replace(/^\u001e/, '')) as unknown] : [])) // a feature on each line
    } catch {
      throw new Error(m.file_json)
    }
  }
  const among = Array.isArray(given) ? (given as unknown[]) : ((given as { features?: unknown }).features ?? [given])
  if (!Array.isArray(among)) throw new Error(m.file_json)
  return among.map((each, i) => feature(each, i + 1))
}

const told = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '')

function feature(given: unknown, at: number): Raw {
  const { id, properties, geometry, type } = (given ?? {}) as { id?: unknown; properties?: Record<string, unknown> | null; geometry?: unknown; type?: unknown }
  const p = properties ?? {}
  const zones = Array.isArray(p['zones']) ? (p['zones'] as { id?: unknown; label?: unknown }[]) : []
  const [lat, lon] = [p['lat'], p['lon']]
  return {
    at,
    id: told(p['id'] ?? id),
    label: told(p['label'] ?? p['name'] ?? p['Name'] ?? p['title']),
    kind: told(p['kind']),
    radius: told(p['radius_m'] ?? p['radius']),
    dwell: told(p['dwell_s']),
    tz: told(p['tz']),
    zones: zones.flatMap((zone) => (NAME.test(told(zone.id)) ? [{ id: told(zone.id), label: told(zone.label) || told(zone.id) }] : [])).slice(0, 200),
    ...(typeof lat === 'number' && typeof lon === 'number' ? { lat, lon } : {}),
    shape: (type === 'Feature' ? geometry : given) as Geometry,
  }
}

const bare = (at: number): Raw => ({ at, id: '', label: '', kind: '', radius: '', dwell: '', tz: '', zones: [] })

/** A shape of WKT on each line. */
function readLines(text: string): Raw[] {
  return text.split(/\r?\n/).flatMap((line, i) => (line.trim() ? [{ ...bare(i + 1), label: m.unnamed(i + 1), shape: line.trim().replace(/;$/, '') }] : []))
}

const COLUMNS: Readonly<Record<string, string>> = {
  name: 'label', title: 'label', type: 'kind', latitude: 'lat', lng: 'lon', long: 'lon', longitude: 'lon', radius: 'radius_m', geometry: 'wkt', shape: 'wkt', geom: 'wkt',
  timezone: 'tz',
}

function readCsv(text: string): Raw[] {
  const { columns: named, lines, commas } = tableOf(text)
  const columns = named.map((name) => COLUMNS[name] ?? name)
  if (!columns.includes('wkt') && !(columns.includes('lat') && columns.includes('lon'))) throw new Error(m.file_columns)
  const pointed = (value: string): string => (commas ? value.replace(',', '.') : value)
  const number = (value: string): number => (value ? Number(pointed(value)) : NaN)
  return lines.map(({ at, cells }) => {
    const cell = (name: string): string => plain(cells[columns.indexOf(name)] ?? '')
    return {
      ...bare(at),
      id: cell('id'),
      label: cell('label'),
      kind: cell('kind'),
      radius: pointed(cell('radius_m')),
      dwell: cell('dwell_s'),
      tz: cell('tz'),
      lat: number(cell('lat')),
      lon: number(cell('lon')),
      ...(cell('wkt') ? { shape: cell('wkt') } : {}),
    }
  })
}

function swapped(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return typeof value[0] === 'number' ? [value[1], value[0], ...(value as unknown[]).slice(2)] : value.map(swapped)
}

function fenceIn(raw: Raw, swap: boolean): Fence {
  const radius = raw.radius ? Number(raw.radius) : RADIUS
  let shape = raw.shape === undefined ? null : readShape(typeof raw.shape === 'string' ? raw.shape : JSON.stringify(raw.shape ?? {}))
  if (shape && swap) shape = { ...shape, coordinates: swapped((shape as { coordinates: unknown }).coordinates) } as Geometry
  const [lat, lon] = [raw.lat ?? NaN, raw.lon ?? NaN]
  const here = Number.isFinite(lat + lon) ? (swap && raw.shape === undefined ? { lat: lon, lon: lat } : { lat, lon }) : null
  if (!shape) return { lat: NaN, lon: NaN, ...here, radius_m: radius, polygon: null, corridor: null }
  const fence = fenceOf(shape, shape.type.endsWith('Polygon') ? (radius >= 10 && radius <= 100_000 ? radius : RADIUS) : radius)
  const beside = here && metres([here.lon, here.lat], [fence.lon, fence.lat]) < 5_000
  return beside && (fence.polygon || fence.corridor) ? { ...fence, ...here } : fence
}

/** Judges what was read against what is there. */
export function judged(read: Read, known: ReadonlySet<string>, { change, swap, kind }: Choices): Line[] {
  const seen = new Map<string, number>()
  return read.lines.map((raw) => {
    const line: Line = {
      at: raw.at, id: raw.id, label: raw.label || raw.id, kind, fence: null, dwell_s: Number(raw.dwell) || 0, tz: raw.tz || 'UTC', zones: raw.zones, fault: '', notes: [], changes: false,
    }
    const fault = (why: string): void => void (line.fault ||= why)
    if (!NAME.test(line.id)) {
      const made = slug(line.id || line.label)
      if (!made) fault(m.line_id)
      else if (line.id) line.notes.push(m.line_id_made(made))
      line.id = raw.id || !made ? made : free(made, seen, known, change)
    }
    line.label = (line.label || line.id).slice(0, 200)
    if (raw.kind) {
      const found = KINDS.find((each) => each === raw.kind.toLowerCase())
      if (found) line.kind = found
      else fault(m.line_kind(raw.kind))
    }
    try {
      line.fence = fenceIn(raw, swap)
      fault(faultOf(line.fence))
    } catch (error) {
      fault((error as Error).message)
    }
    if (!(line.dwell_s >= 0 && line.dwell_s <= 86_400)) fault(m.line_dwell)
    const before = seen.get(line.id)
    if (line.id && before !== undefined) fault(m.line_twice(line.id, before))
    else if (line.id) seen.set(line.id, line.at)
    line.changes = known.has(line.id)
    if (line.changes && !change) fault(m.line_taken(line.id))
    return line
  })
}

/** A name of our own making that nobody has. */
function free(name: string, seen: ReadonlyMap<string, number>, known: ReadonlySet<string>, change: boolean): string {
  let [made, n] = [name, 1]
  while (seen.has(made) || (n > 1 && !change && known.has(made))) made = `${name.slice(0, 58)}-${++n}`
  return made
}

/** Whether most lies far from all that is known, and would lie near it the other way round. */
export function seemSwapped(lines: readonly Line[], known: readonly { lat: number; lon: number }[]): boolean {
  const fences = lines.flatMap(({ fence }) => (fence ? [fence] : [])).slice(0, 200)
  if (!fences.length) return false
  if (fences.every(({ lat }) => Math.abs(lat) > 90)) return true
  const [at] = known
  if (!at) return false
  const near = (lat: number, lon: number, within: number): boolean => known.slice(0, 200).some((each) => metres([lon, lat], [each.lon, each.lat]) < within)
  return fences.filter(({ lat, lon }) => !near(lat, lon, FAR_M) && Math.abs(lon) <= 90 && near(lon, lat, NEAR_M)).length > fences.length / 2
}
