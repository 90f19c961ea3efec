import assert from 'node:assert/strict'
import { test } from 'node:test'

import { centreOf, differs, faultOf, fenceOf, moved, NAME, readShape, slug } from '../src/routes/(console)/sites/fence.ts'
import { geojsonOf } from '../src/routes/(console)/sites/export.ts'
import type { Fence } from '../src/routes/(console)/sites/fence.ts'
import { judged, readFile, seemSwapped } from '../src/routes/(console)/sites/imports.ts'

const SQUARE = 'POLYGON((24.9 60.1, 24.95 60.1, 24.95 60.15, 24.9 60.15, 24.9 60.1))'
const circle = (lat: number, lon: number, radius_m = 100): Fence => ({ lat, lon, radius_m, polygon: null, corridor: null })
const fault = (text: string): string => faultOf(fenceOf(readShape(text), 150))

test('a shape is read from WKT, GeoJSON, a Feature and a collection of one; rings are closed and heights left out', () => {
  const polygon = readShape(SQUARE)
  assert.equal(polygon.type, 'Polygon')
  assert.deepEqual(readShape('SRID=4326;polygon z ((24.9 60.1 7, 24.95 60.1 7, 24.95 60.15 7, 24.9 60.15 7))'), polygon)
  assert.deepEqual(readShape(JSON.stringify({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: polygon }] })), polygon)
  assert.equal(readShape('MULTIPOLYGON(((1 1,2 1,2 2,1 1)),((3 3,4 3,4 4,3 3)))').type, 'MultiPolygon')
  assert.deepEqual(readShape('POINT(24.9 60.1)'), { type: 'Point', coordinates: [24.9, 60.1] })
})

test('what cannot be read is said in words, whatever it is', () => {
  const all = ['', '{', 'POLYGON((1 2, x 3))', 'LINESTRING(1 2, 3)', 'CIRCLE(1 2)', 'GEOMETRYCOLLECTION(POINT(1 2))', '{"type":"Topology"}', 'POLYGON((((', '[]', '{"type":"Polygon","coordinates":[[["a",1]]]}', '{"type":"Point","coordinates":[1e999,2]}']
  for (const text of all) assert.throws(() => readShape(text), (error: Error) => error.message.length > 10 && !/undefined|JSON at/.test(error.message), text)
})

test('a shape that can never be met is refused, one that can is not', () => {
  assert.equal(fault(SQUARE), '')
  assert.match(fault('POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))'), /crosses itself/)
  assert.match(fault('POLYGON((24 60, 24.00001 60, 24.00001 60.00001, 24 60))'), /too small/)
  assert.match(fault('POLYGON((1 2, 3 4, 1 2))'), /three corners/)
  assert.match(fault('LINESTRING(1 2)'), /two points/)
  assert.match(fault('POINT(60.1 120)'), /exchanged/)
  assert.match(faultOf(circle(60, 24, 9)), /radius/)
  assert.match(faultOf(circle(NaN, 24)), /numbers/)
  assert.equal(faultOf(circle(60, 24)), '')
})

test('a fence is moved with all its corners, and the middle of a polygon is inside it', () => {
  const fence = fenceOf(readShape(SQUARE), 150)
  assert.deepEqual(centreOf(readShape(SQUARE)), [24.925, 60.125])
  const there = moved(fence, 61.125, 25.925)
  assert.deepEqual(there.polygon?.coordinates[0]?.[0], [25.9, 61.1])
  assert.ok(differs({ ...fence, dwell_s: 0 }, { ...there, dwell_s: 0 }))
  assert.ok(!differs({ ...fence, dwell_s: 0, lat: 60.12 }, { ...fence, dwell_s: 0 }), 'the place of a polygon is no fence')
})

test('a name for people becomes a name for the system', () => {
  assert.equal(slug('Köln Süd 2'), 'koln-sud-2')
  assert.equal(slug('  Łódź / Straße  '), 'lodz-strasse')
  assert.equal(slug('日本'), '')
  assert.ok(NAME.test(slug(`x${'é-'.repeat(80)}`)))
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const choices = { change: false, swap: false, kind: 'customer' } as const
const lines = async (text: string, known: string[] = [], more = {}) => judged(await readFile(bytes(text)), new Set(known), { ...choices, ...more })

test('a table is read with its faults beside each line, and neighbours stay good', async () => {
  const text = 'id,label,kind,lat,lon,radius_m\na-1,"Harbour, ""old""",store,60.1,24.9,200\na-1,Twice,store,60.1,24.9,\nB 2,,depot,60.2,24.8,\nx,,castle,60,24,\ny,,store,124.9,60.1,\nz,,store,north,24,\n,,store,60,24,\nthere,,store,60,24,\n'
  const found = await lines(text, ['there'])
  assert.deepEqual(found.map(({ at }) => at), [2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual([found[0]?.label, found[0]?.fault, found[0]?.fence?.radius_m], ['Harbour, "old"', '', 200])
  assert.match(found[1]?.fault ?? '', /stands in line 2 too/)
  assert.deepEqual([found[2]?.id, found[2]?.fault, found[2]?.notes.length], ['b-2', '', 1])
  const faults = [/castle/, /exchanged/, /numbers/, /no id and no name/, /already/]
  faults.forEach((fault, i) => assert.match(found[i + 3]?.fault ?? '', fault))
  const changed = await lines(text, ['there'], { change: true })
  assert.deepEqual([changed[7]?.fault, changed[7]?.changes], ['', true])
})

test('semicolons with decimal commas, Windows letters and UTF-16 are read', async () => {
  const [koln] = await lines('id;name;latitude;longitude\nk;Köln;50,94;6,96\n')
  assert.deepEqual([koln?.label, koln?.fence?.lat, koln?.fence?.lon], ['Köln', 50.94, 6.96])
  const old = await readFile(Uint8Array.from([...bytes('id,name,lat,lon\nk,K'), 0xf6, ...bytes('ln,50,6\n')]))
  assert.equal(old.lines[0]?.label, 'Köln')
  assert.match(old.notes[0] ?? '', /not UTF-8/)
  const wide = Uint8Array.from([0xff, 0xfe, ...[...'id,lat,lon\na,1,2'].flatMap((c) => [c.charCodeAt(0), 0])])
  assert.equal((await readFile(wide)).lines.length, 1)
})

test('GeoJSON as we write it is read back the same, features of a stranger by their names', async () => {
  const polygon = { type: 'Polygon', coordinates: [[[24.9, 60.1], [24.95, 60.1], [24.95, 60.15], [24.9, 60.1]]] }
  const site = { id: 'hub', label: 'Hub', kind: 'dc', lat: 60.11, lon: 24.93, radius_m: 150, polygon, corridor: null, dwell_s: 60, tz: 'Europe/Helsinki', zones: [{ id: 'dock', label: 'Dock' }], temps: [] }
  const [back] = await lines(JSON.stringify(geojsonOf([site as never])))
  assert.deepEqual([back?.id, back?.kind, back?.dwell_s, back?.tz, back?.zones, back?.fence?.lat, back?.fence?.polygon], ['hub', 'dc', 60, 'Europe/Helsinki', site.zones, 60.11, polygon])
  const foreign = (geometry: unknown, name: string) => ({ type: 'Feature', properties: { name }, geometry })
  const found = await lines(JSON.stringify({ type: 'FeatureCollection', features: [foreign(polygon, 'Yard'), foreign(polygon, 'Yard'), foreign(null, 'Nowhere'), foreign({ type: 'MultiPoint', coordinates: [[1, 2]] }, 'Many'), 7, null] }))
  assert.deepEqual(found.map(({ id }) => id), ['yard', 'yard-2', 'nowhere', 'many', '', ''])
  assert.deepEqual(found.map(({ fault }) => !!fault), [false, false, true, true, true, true])
})

test('what is no file of sites says what it is, whatever it holds', async () => {
  const all = ['', '   ', '{"type":', 'a,b\n1,2', '{"type":"FeatureCollection","features":[]}', '{"type":"FeatureCollection","features":7}', 'PK\u0003\u0004', 'a\0b', '<!DOCTYPE kml [<!ENTITY a "aaaa">]><kml>&a;</kml>']
  for (const text of all) await assert.rejects(readFile(bytes(text)), (error: Error) => error.message.length > 15 && !/undefined|JSON at|DOMParser/.test(error.message), text)
  assert.equal((await lines('POINT(24 60)\nPOLYGON((0 0))\n')).filter(({ fault }) => fault).length, 1)
})

test('of a file with ten thousand and more the first are taken, and the rest is told', async () => {
  const text = `id,lat,lon\n${Array.from({ length: 12_000 }, (_each, i) => `s-${i},60,24`).join('\n')}`
  const read = await readFile(bytes(text))
  assert.deepEqual([read.lines.length, read.left], [10_000, 2_000])
  assert.ok(judged(read, new Set(), choices).every(({ fault }) => !fault))
})

test('exchanged latitude and longitude are seen against the sites there are', async () => {
  const known = [{ lat: 60.1, lon: 24.9 }]
  const found = await lines('id,lat,lon\na,24.8,60.2\nb,24.9,60.3\n')
  assert.ok(seemSwapped(found, known))
  assert.ok(!seemSwapped(await lines('id,lat,lon\na,24.8,60.2\nb,24.9,60.3\n', [], { swap: true }), known))
  assert.ok(!seemSwapped(found, []))
})
