import assert from 'node:assert/strict'
import { test } from 'node:test'

import { emptyStop, moved, stopsOf, typedOf } from '../src/routes/(console)/shipments/draft.ts'
import { csvOfShipments, template } from '../src/routes/(console)/shipments/export.ts'
import { judged, readFile } from '../src/routes/(console)/shipments/imports.ts'
import type { Judged, Known } from '../src/routes/(console)/shipments/imports.ts'
import { arrival, byInterest, fits, lateness } from '../src/routes/(console)/shipments/words.ts'
import type { Shipment, Stop } from '#shared/api/shapes.ts'
import { named, offered } from '#shared/frame/find.ts'
import { csvCell, plain } from '#shared/table.ts'
import { instantOf, NoTime, wallTime } from '#shared/zoned.ts'

const KNOWN: Known = {
  shipments: new Set(['S-1']),
  vehicles: new Set(['truck-01']),
  profiles: new Set(['chilled']),
  sites: new Map([['dc-1', 'dc-1'], ['Centre', 'dc-1'], ['store-1', 'store-1']]),
  zone: 'Europe/Helsinki',
  change: false,
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (text: string | Uint8Array, more: Partial<Known> = {}): Judged => judged(readFile(typeof text === 'string' ? bytes(text) : text), { ...KNOWN, ...more })
const faults = (text: string, more: Partial<Known> = {}): string[] => read(text, more).lines.map(({ fault }) => fault)

function stop(seq: number, more: Partial<Stop> = {}): Stop {
  return { seq, stop_id: `S-${seq}`, site: null, name: `Stop ${seq}`, lat: 60, lon: 24, radius_m: 80, window_start: null, window_end: null, arrived_at: null, departed_at: null, deviations: [], eta: null, ...more }
}

function shipment(more: Partial<Shipment> = {}): Shipment {
  const temperature = { verdict: 'no_data', min_c: null, max_c: null, last_c: null, last_at: null } as const
  return { id: 'S-9', reference: 'PO 9', status: 'planned', vehicle: 'truck-01', customer: 'Harbour', profile: null, stops: [stop(1), stop(2)], temperature, planned_line: null, orders: [], ...more }
}

test('a time of a wall is an instant in its zone, also when clocks are put back or forward, and one with an offset is itself', () => {
  assert.equal(instantOf('2026-11-29 14:05', 'Europe/Helsinki'), '2026-11-29T12:05:00.000Z')
  assert.equal(instantOf('2026-06-29T8:05', 'Europe/Helsinki'), '2026-06-29T05:05:00.000Z')
  assert.equal(instantOf('2026-11-29', 'America/New_York'), '2026-11-29T05:00:00.000Z')
  assert.equal(instantOf('2026-11-29T14:05:30+0530', 'Europe/Helsinki'), '2026-11-29T08:35:30.000Z')
  assert.equal(instantOf('2026-11-29 14:05Z', 'Europe/Helsinki'), '2026-11-29T14:05:00.000Z')
  assert.equal(instantOf('2026-10-25 03:30', 'Europe/Helsinki'), '2026-10-25T00:30:00.000Z') // of the two the earlier
  assert.equal(instantOf(' ', 'UTC'), null)
  assert.throws(() => instantOf('2026-03-29 03:30', 'Europe/Helsinki'), (error: NoTime) => error.skipped)
  for (const none of ['29.11.2026 14:05', '2026-13-01 10:00', '2026-11-29 25:00', 'tomorrow', '2026-11-29T14:05+99:99'])
    assert.throws(() => instantOf(none, 'UTC'), (error: NoTime) => !error.skipped, none)
  assert.equal(wallTime('2026-11-29T12:05:00Z', 'Europe/Helsinki'), '2026-11-29T14:05')
})

test('lines of a shipment come in together, in their turn, with times in the zone that is named', () => {
  const { lines, bodies } = read(
    'shipment,reference,customer,vehicle,profile,stop,name,site,lat,lon,window_start,window_end\n' +
      'S-2,PO 2,Harbour,truck-9,chilled,2,Pier,,60.1,24.9,2026-11-29 12:00,2026-11-29T14:00Z\nS-2,,,,,1,,Centre,,,,\nS-3,,,,,,,store-1,,,,\n',
  )
  assert.deepEqual(lines.map(({ fault }) => fault), ['', '', ''])
  assert.match(lines[0]?.notes.join() ?? '', /truck-9 is new/)
  assert.deepEqual([...bodies.keys()], ['S-2', 'S-3'])
  assert.deepEqual(bodies.get('S-2'), {
    id: 'S-2', reference: 'PO 2', customer: 'Harbour', vehicle: 'truck-9', profile: 'chilled',
    stops: [
      { site: 'dc-1', window_start: null, window_end: null },
      { name: 'Pier', lat: 60.1, lon: 24.9, window_start: '2026-11-29T10:00:00.000Z', window_end: '2026-11-29T14:00:00.000Z' },
    ],
  })
})

test('what is wrong stands beside its line, keeps its shipment out, and no other', () => {
  const head = 'shipment,vehicle,profile,stop,site,lat,lon,window_start,window_end\n'
  const rows = [
    ',,,,dc-1,,,,', '-x,,,,dc-1,,,,', 'S-1,,,,dc-1,,,,', 'S-4,Truck 4,,,dc-1,,,,', 'S-5,,none,,dc-1,,,,', 'S-6,,,0,dc-1,,,,', 'S-7,,,,mars,,,,', 'S-8,,,,,,,,', 'S-9,,,,,91,0,,',
    'S-10,,,,dc-1,,,tomorrow,', 'S-11,,,,dc-1,,,2026-03-29 03:30,', 'S-12,,,,dc-1,,,2026-11-29 12:00,2026-11-29 11:00', 'S-13,truck-01,,1,dc-1,,,,', 'S-13,truck-02,,1,dc-1,,,,', 'S-14,,,,dc-1,,,,',
  ]
  const found = faults(head + rows.join('\n'))
  const wanted = [/names no shipment/, /an id begins/, /already/, /name of a-z/, /no temperature profile none/, /stop is 0/, /no site mars/, /neither site nor/, /lat is/, /tomorrow/, /put forward/, /after window_end/, /line 15 of the same/, /vehicle is another than in line 14/, /^$/]
  wanted.forEach((pattern, i) => assert.match(found[i] ?? '', pattern, String(rows[i])))
  assert.deepEqual([...read(head + rows.join('\n')).bodies.keys()], ['S-14'])
  assert.deepEqual([...read(head + rows.join('\n'), { change: true }).bodies.keys()], ['S-1', 'S-14'])
})

test('semicolons with decimal commas, UTF-16, marks, quotes and columns of other names are read', () => {
  const text = 'sep=;\r\nId;Latitude;Longitude;Label;From\r\nS-2;60,17;"24,94";"He said ""yes"";\nhere";\r\n'
  const utf16 = new Uint8Array([0xff, 0xfe, ...[...text].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8])])
  assert.match(faults('\ufeff' + text)[0] ?? '', /line break/)
  const { bodies } = read(utf16.length ? new TextEncoder().encode(text.replace(';\nhere', '')) : utf16)
  assert.deepEqual(bodies.get('S-2')?.stops, [{ name: 'He said "yes"', lat: 60.17, lon: 24.94, window_start: null, window_end: null }])
  assert.equal(read(new Uint8Array([0xff, 0xfe, ...[...text.replace(';\nhere', '')].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8])])).bodies.size, 1)
  for (const none of ['', 'PK\u0003\u0004', 'shipment,name\nS-2,x', 'shipment,site\n', '\0\0']) assert.throws(() => readFile(bytes(none)), (error: Error) => error.message.length > 10, none)
})

test('what is saved is read back the same, and no cell of it runs in a spreadsheet', () => {
  const evil = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1+1', "=cmd|' /C calc'!A0"]
  for (const cell of evil) {
    assert.match(csvCell(cell), /^"?'/, cell)
    assert.equal(plain(`'${cell}`), cell.trim())
  }
  assert.deepEqual([csvCell(-24.5), csvCell('a "b", c'), csvCell(null), csvCell("it's")], ['-24.5', '"a ""b"", c"', '', "it's"])
  const saved = shipment({ customer: '=HYPERLINK("x")', stops: [stop(1, { site: 'dc-1', lon: -24 }), stop(2, { lon: -24, window_end: '2026-11-29T12:00:00Z' })] })
  const text = csvOfShipments([saved])
  assert.match(text, /^\ufeffshipment,/)
  assert.ok(text.includes(`"'=HYPERLINK(""x"")"`))
  const back = read(text).bodies.get('S-9')
  assert.deepEqual([back?.customer, back?.stops.map(({ site, name, lon }) => [site, name, lon])], ['=HYPERLINK("x")', [['dc-1', 'Stop 1', undefined], [undefined, 'Stop 2', -24]]])
  assert.deepEqual(faults(template(Date.parse('2026-11-28T12:00:00Z'))), ['', ''])
})

test('of a file with ten thousand lines and more the first are taken, and the rest is told', () => {
  const file = readFile(bytes(`shipment,site\n${Array.from({ length: 10_003 }, (_, i) => `X-${i},dc-1`).join('\n')}`))
  assert.deepEqual([file.lines.length, file.left], [10_000, 3])
})

test('stops are moved but for those that were reached, and what was not touched stays to the second', () => {
  const known = [stop(1, { arrived_at: '2026-11-29T10:00:00Z' }), stop(2, { site: 'dc-1', window_end: '2026-11-29T12:00:30Z' }), stop(3)]
  const typed = known.map((each) => typedOf(each, new Map(), 'UTC'))
  const order = (all: readonly { stop_id: string | null }[]): (string | null)[] => all.map(({ stop_id }) => stop_id)
  assert.deepEqual(order(moved(typed, 1, -1)), ['S-1', 'S-2', 'S-3'])
  assert.deepEqual(order(moved(typed, 1, 1)), ['S-1', 'S-3', 'S-2'])
  assert.deepEqual(order(moved(typed, 2, 1)), ['S-1', 'S-2', 'S-3'])
  const body = stopsOf(typed, 'UTC', known)
  assert.equal(body[1]?.window_end, '2026-11-29T12:00:30Z')
  assert.deepEqual([body[1]?.site, body[1]?.radius_m, body[2]?.radius_m], ['dc-1', 80, 80])
  assert.throws(() => stopsOf([emptyStop()], 'UTC'), /Stop 1: choose a site/)
  assert.throws(() => stopsOf([{ ...emptyStop(), elsewhere: true, lat: '91', lon: '0' }], 'UTC'), /latitude/)
  assert.throws(() => stopsOf([{ ...emptyStop(), site: 'dc-1', from: '2026-11-29T12:00', to: '2026-11-29T11:00' }], 'UTC'), /begins after/)
  assert.throws(() => stopsOf([{ ...emptyStop(), site: 'dc-1', from: '2026-03-29T03:30' }], 'Europe/Helsinki'), /put forward/)
})

test('shipments are found by words, status, vehicle and what may go wrong, those under way first', () => {
  const eta = { p10: '2026-11-29T12:00:00Z', p50: '2026-11-29T12:10:00Z', p90: '2026-11-29T12:30:00Z', remaining_m: 1, late_probability: 0.42, few_trips: null, decided_at: null }
  const late = shipment({ id: 'S-3', status: 'in_transit', stops: [stop(1, { eta, window_start: '2026-11-29T11:00:00Z', window_end: '2026-11-29T12:20:00Z' })] })
  const warm = shipment({ id: 'S-4', status: 'delivered', temperature: { verdict: 'excursion', min_c: 1, max_c: 9, last_c: 9, last_at: null }, stops: [stop(1, { arrived_at: '2026-11-29T10:00:00Z' })] })
  const any = { text: '', status: '', vehicle: '', risk: '' } as const
  const all = [shipment(), warm, late, shipment({ id: 'S-5', status: 'cancelled' })]
  const found = (wanted: object): string[] => all.filter((each) => fits(each, { ...any, ...wanted })).map(({ id }) => id)
  assert.deepEqual(found({ text: 'harbour stop' }), ['S-9', 'S-4', 'S-3', 'S-5'])
  assert.deepEqual([found({ risk: 'late' }), found({ risk: 'temperature' }), found({ status: 'cancelled' }), found({ vehicle: 'x' })], [['S-3'], ['S-4'], ['S-5'], []])
  assert.deepEqual(all.toSorted(byInterest).map(({ id }) => id), ['S-3', 'S-9', 'S-4', 'S-5'])
  assert.equal(lateness(late).replace('\u00a0', ' '), 'late risk 42 %')
  assert.match(arrival(late, Date.parse('2026-11-29T11:00:00Z')), /^arrives \d\d:\d\d–\d\d:\d\d$/)
  assert.equal(arrival(shipment(), 0), '')
})

test('a site is chosen by its whole id or name, not by a name that several bear, and stands before those that only resemble it', () => {
  const sites = [...Array.from({ length: 20 }, (_, n) => ({ id: `store-1${n}`, name: `Shop ${n}` })), { id: 'store-1', name: 'Quay' }, { id: 'dc', name: 'Shop 3' }]
  const told = (one: { id: string; name: string }) => one
  assert.equal(named(sites, ' Store-1 ', told)?.name, 'Quay')
  assert.equal(named(sites, 'quay', told)?.id, 'store-1')
  assert.equal(named(sites, 'Shop 3', told), undefined)
  assert.equal(named(sites, ' ', told), undefined)
  assert.deepEqual(offered(sites, 'store-1', told, 3).map(({ id }) => id), ['store-1', 'store-10', 'store-11'])
  assert.deepEqual(offered(sites, 'shop', told, 1).map(({ id }) => id), ['store-10'])
})
