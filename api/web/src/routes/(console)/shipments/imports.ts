// What a file of CSV would bring: each line a stop of a shipment, or what is wrong with it and how to mend it. A shipment
// comes in when all of its lines are right. Plain data in and out; nothing is sent from here.
import { m } from '#messages/shipments.ts'
import type { ShipmentIn } from '#shared/api/shapes.ts'
import { plain, tableOf, textOf } from '#shared/table.ts'
import { instantOf, NoTime } from '#shared/zoned.ts'

export const LINES_MAX = 10_000
const STOPS_MAX = 200
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const VEHICLE = /^[a-z0-9][a-z0-9_-]{0,63}$/
const SAME = ['reference', 'customer', 'vehicle', 'profile'] as const
const COLUMNS: Readonly<Record<string, string>> = {
  id: 'shipment', shipment_id: 'shipment', seq: 'stop', label: 'name', place: 'name', latitude: 'lat', lng: 'lon', long: 'lon', longitude: 'lon',
  start: 'window_start', from: 'window_start', end: 'window_end', to: 'window_end',
}

/** What a line says, as it is written. */
export interface Raw {
  at: number
  cell: (name: string) => string
}

export interface Read {
  lines: Raw[]
  /** Numbers may have a comma for a point. */
  commas: boolean
  /** More were in the file than are taken. */
  left: number
  notes: string[]
}

/** What is there already, and how the file is to be read. */
export interface Known {
  shipments: ReadonlySet<string>
  vehicles: ReadonlySet<string>
  profiles: ReadonlySet<string>
  /** Ids of sites by id and by name. */
  sites: ReadonlyMap<string, string>
  zone: string
  /** Those that are there already are changed. */
  change: boolean
}

export interface Line {
  at: number
  shipment: string
  /** Where it stops, for people. */
  where: string
  fault: string
  notes: string[]
  /** It is there already and would be changed. */
  changes: boolean
}

export interface Judged {
  lines: Line[]
  /** Those that can come in, by id. */
  bodies: Map<string, ShipmentIn>
}

type StopIn = ShipmentIn['stops'][number]

/** Reads a file; throws what is wrong with it as a whole. */
export function readFile(bytes: Uint8Array): Read {
  const { text, note } = textOf(bytes)
  const { columns: named, lines: all, commas } = tableOf(text)
  const columns = named.map((name) => COLUMNS[name] ?? name)
  if (!columns.includes('shipment') || !(columns.includes('site') || (columns.includes('lat') && columns.includes('lon')))) throw new Error(m.file_columns)
  if (!all.length) throw new Error(m.file_none)
  const lines = all.slice(0, LINES_MAX).map(({ at, cells }) => ({ at, cell: (name: string) => plain(cells[columns.indexOf(name)] ?? '') }))
  return { lines, commas, left: Math.max(0, all.length - LINES_MAX), notes: note ? [note] : [] }
}

interface Group {
  first: Raw
  stops: { line: Line; seq: number; stop: StopIn | null }[]
  seen: Map<number, number>
}

/** Judges what was read against what is there. */
export function judged(read: Read, known: Known): Judged {
  const groups = new Map<string, Group>()
  const lines = read.lines.map((raw) => {
    const id = raw.cell('shipment')
    const line: Line = { at: raw.at, shipment: id, where: '', fault: '', notes: [], changes: known.shipments.has(id) }
    const fault = (why: string): void => void (line.fault ||= why)
    if (!id) fault(m.line_no_id)
    else if (!ID.test(id)) fault(m.line_id(id))
    const group = groups.get(id) ?? { first: raw, stops: [], seen: new Map<number, number>() }
    groups.set(id, group)
    judgeHead(raw, group.first, known, line, fault)
    const seq = seqOf(raw, group, fault)
    group.stops.push({ line, seq, stop: stopIn(raw, read.commas, known, line, fault) })
    if (group.stops.length > STOPS_MAX) fault(m.line_many)
    if (line.changes && !known.change) fault(m.line_taken(id))
    return line
  })
  const bodies = new Map<string, ShipmentIn>()
  for (const [id, group] of groups) {
    const wrong = group.stops.find(({ line }) => line.fault)
    if (wrong) for (const { line } of group.stops) line.fault ||= m.line_with(wrong.line.at)
    else bodies.set(id, bodyOf(id, group))
  }
  return { lines, bodies }
}

/** What is said of the shipment, which each of its lines repeats or leaves out. */
function judgeHead(raw: Raw, first: Raw, { vehicles, profiles }: Known, line: Line, fault: (why: string) => void): void {
  for (const name of [...SAME, 'name'] as const) if (raw.cell(name).length > 200 || /[\u0000-\u001f\u007f]/.test(raw.cell(name))) fault(m.line_long(name))
  for (const name of SAME) if (raw.cell(name) && raw.cell(name) !== first.cell(name)) fault(m.line_differs(name, first.at))
  if (raw !== first) return
  const [vehicle, profile] = [raw.cell('vehicle'), raw.cell('profile')]
  if (vehicle && !VEHICLE.test(vehicle)) fault(m.line_vehicle(vehicle))
  else if (vehicle && !vehicles.has(vehicle)) line.notes.push(m.line_vehicle_new(vehicle))
  if (profile && !profiles.has(profile)) fault(m.line_profile(profile))
}

/** Its turn: as it is written, else that of the line. */
function seqOf(raw: Raw, group: Group, fault: (why: string) => void): number {
  const told = raw.cell('stop')
  const seq = told ? Number(told) : group.stops.length + 1
  if (!Number.isInteger(seq) || seq < 1) fault(m.line_stop(told))
  const before = group.seen.get(seq)
  if (before !== undefined) fault(m.line_stop_twice(seq, before))
  else group.seen.set(seq, raw.at)
  return seq
}

function stopIn(raw: Raw, commas: boolean, known: Known, line: Line, fault: (why: string) => void): StopIn | null {
  const time = (column: string): string | null => {
    try {
      return instantOf(raw.cell(column), known.zone)
    } catch (error) {
      fault((error as NoTime).skipped ? m.line_skipped(column, raw.cell(column)) : m.line_time(column, raw.cell(column)))
      return null
    }
  }
  const window = { window_start: time('window_start'), window_end: time('window_end') }
  if (window.window_start && window.window_end && window.window_start > window.window_end) fault(m.line_window)
  const [site, name] = [raw.cell('site'), raw.cell('name')]
  line.where = name || site
  if (site) {
    const found = known.sites.get(site) ?? known.sites.get(site.toLowerCase())
    if (!found) fault(m.line_site(site))
    return found ? { site: found, ...(name ? { name } : {}), ...window } : null
  }
  const number = (text: string): number => (text ? Number(commas ? text.replace(',', '.') : text) : NaN)
  const [lat, lon] = [number(raw.cell('lat')), number(raw.cell('lon'))]
  if (!raw.cell('lat') && !raw.cell('lon')) fault(m.line_nowhere)
  else if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) fault(m.line_place)
  line.where ||= `${raw.cell('lat')}, ${raw.cell('lon')}`
  return { name: name || line.where, lat, lon, ...window }
}

function bodyOf(id: string, { first, stops }: Group): ShipmentIn {
  return {
    id,
    reference: first.cell('reference'),
    customer: first.cell('customer') || null,
    vehicle: first.cell('vehicle') || null,
    profile: first.cell('profile') || null,
    stops: stops.toSorted((a, b) => a.seq - b.seq).flatMap(({ stop }) => (stop ? [stop] : [])),
  }
}
