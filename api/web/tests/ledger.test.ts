// Lines of the ledger by product and zone, what names one, and what a scanned code does to a count.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerLevel, Stock, StockActivity, StockFound } from '#shared/api/shapes.ts'
import { scannedInto, stepped } from '#shared/stock/counting.ts'
import type { CountLine } from '#shared/stock/counting.ts'
import { byZone, reaches, shadeOf } from '#shared/stock/heat.ts'
import { grouped, keyOf, keyText } from '#shared/stock/lines.ts'
import { EMPTY, nextOf, scannedOn } from '#shared/stock/receiving.ts'
import type { Receipt } from '#shared/stock/receiving.ts'

const level = (more: Partial<LedgerLevel>): LedgerLevel => ({
  id: JSON.stringify(more), place: { kind: 'site', site: 's', zone: 'z' }, sku: 'MILK', label: 'Milk', lot: null, best_before: null, handling_unit: null, quantity: 4,
  base_unit: 'piece', reorder_point: 10, moved_at: '2026-01-01T00:00:00Z', changed_at: null, counted_at: null, counted: null, evidence: null, ...more,
})
const line = (more: Partial<CountLine>): CountLine => ({ bin: '', lot: '', handling_unit: '', seen: '', ledger: null, ...more })
const found = (...things: Partial<StockFound['found'][number]>[]): StockFound => ({
  code: 'c', names: 'c', gtin: null, lot: null, serial: null, sscc: null, gln: null, made_on: null, best_before: null, contains: null, problem: '',
  found: things.map((thing) => ({ kind: 'product', sku: null, label: null, lot: null, site: null, zone: null, bin: null, handling_unit: null, link: '', ...thing })),
})

test('a line is named by its parts, whatever stands in them', () => {
  const key = { site: 'a/b', zone: '', bin: 'ä%', vehicle: '', sku: 'M 1', lot: 'L', unit: '' }
  assert.deepEqual(keyOf(keyText(key)), key)
  for (const bad of ['', 'a', '%/////x/', '//////', 'a//////']) assert.equal(keyOf(bad), null)
})

test('lines of a zone are one row with all of it, what sensors say now, and whether its place is low', () => {
  const lots = [level({ lot: 'A', quantity: 4 }), level({ lot: 'B', quantity: 5, place: { kind: 'site', site: 's', zone: 'z', bin: 'b1' } })]
  const zones = [level({ quantity: 9 }), level({ sku: 'PEAS', quantity: 0, moved_at: null })]
  const live = new Map([['s/z/MILK', { quantity: 8, confidence: 0.9, last_evidence_at: null } as Stock]])
  const [milk, peas, ...none] = grouped([...lots, level({ place: { kind: 'vehicle', vehicle: 't' }, quantity: 2 })], zones, live, new Set(['s/MILK']), ({ sku }) => sku === 'PEAS').toSorted((a, b) =>
    (a.of.vehicle + a.of.sku).localeCompare(b.of.vehicle + b.of.sku),
  )
  assert.deepEqual([milk?.quantity, milk?.lines.length, milk?.evidence?.quantity, milk?.low, milk?.known], [9, 2, 8, true, true])
  assert.deepEqual([peas?.quantity, peas?.lines.length, peas?.known], [0, 0, false])
  assert.deepEqual(none.map((each) => [each.of.vehicle, each.quantity, each.low]), [['t', 2, false]])
})

test('a scanned item counts one in the line of its lot; a bin chooses its line; another product is named', () => {
  const lines = [line({ bin: 'b1', lot: 'A' }), line({ bin: 'b2', lot: 'A', seen: '3' })]
  const lot = found({ kind: 'lot', sku: 'MILK', lot: 'A' })
  assert.deepEqual(scannedInto(lines, 1, 'MILK', lot), { at: 1, add: true, lines: [lines[0], { ...lines[1], seen: '4' }] })
  assert.deepEqual(scannedInto(lines, -1, 'MILK', found({ sku: 'MILK' })), { at: 0, add: true, lines: [{ ...lines[0], seen: '1' }, lines[1]] })
  const other = scannedInto(lines, 1, 'MILK', found({ kind: 'lot', sku: 'MILK', lot: 'N' }))
  assert.deepEqual('lines' in other && other.lines[2], line({ bin: 'b2', lot: 'N', seen: '1' }))
  assert.deepEqual(scannedInto(lines, -1, 'MILK', found({ kind: 'bin', bin: 'b2' })), { at: 1, add: false, lines })
  assert.deepEqual(scannedInto(lines, -1, 'MILK', found({ sku: 'PEAS', label: 'Peas' })), { other: 'Peas' })
  assert.deepEqual([stepped('', -1), stepped('0.3', 1), stepped('2', -1)], ['0', '1.3', '1'])
})

test('a scanned item fills what is received, one more counts on, and another is named', () => {
  const scanned = (receipt: Receipt, what: StockFound): Receipt => {
    const outcome = scannedOn(receipt, what)
    assert.ok('receipt' in outcome, JSON.stringify(outcome))
    return outcome.receipt
  }
  const milk = { ...found({ kind: 'product', sku: 'MILK', label: 'Milk' }), lot: 'A', best_before: '2026-12-20' }
  const one = scanned({ ...EMPTY, site: 's' }, milk)
  assert.deepEqual(one, { ...EMPTY, site: 's', sku: 'MILK', label: 'Milk', quantity: '1', lot: 'A', best_before: '2026-12-20' })
  assert.equal(scanned(one, milk).quantity, '2')
  assert.equal(scanned(one, { ...milk, lot: null }).quantity, '2') // a code without a lot
  assert.equal(scanned({ ...one, quantity: '' }, milk).quantity, '1')
  assert.deepEqual(scanned({ ...EMPTY, sku: 'MILK', quantity: '12.5' }, milk).quantity, '12.5') // typed before: of this lot
  const pallet = { ...milk, contains: 48, sscc: '106141411928374657' }
  assert.deepEqual([scanned(EMPTY, pallet), scanned(one, pallet)].map((each) => [each.quantity, each.handling_unit]), [['48', '106141411928374657'], ['49', '106141411928374657']])
  assert.deepEqual(scannedOn(one, { ...milk, lot: 'B' }), { other: 'Milk, B' })
  assert.deepEqual(scannedOn(one, found({ kind: 'product', sku: 'HAM', label: 'Ham' })), { other: 'Ham' })
  const placed = scanned(one, found({ kind: 'bin', site: 's2', zone: 'z', bin: 'B-1' }))
  assert.deepEqual([placed.site, placed.zone, placed.bin, placed.sku], ['s2', 'z', 'B-1', 'MILK'])
  assert.deepEqual(nextOf(placed), { ...EMPTY, site: 's2', zone: 'z', bin: 'B-1' })
  assert.equal(scanned(one, found({ kind: 'handling_unit', handling_unit: 'BOX-1' })).handling_unit, 'BOX-1')
  assert.deepEqual(scannedOn(one, found()), { other: 'c' })
})

test('zones and bins have shades by the most there is; none, and nothing there, have the first', () => {
  const spot = (zone: string | null, per_day: number, doubt: number | null = null): StockActivity =>
    ({ id: `${zone}/${per_day}`, site: 's', zone, zone_label: zone && `Zone ${zone}`, bin: null, moves: 0, seen: 0, per_day, moved_at: null, products: 0, pieces: 0, in_doubt: 0, doubt })
  const spots = [spot('b', 17.3), spot(null, 1), spot('a', 0), spot('b', 4.3)]
  assert.deepEqual(reaches(spots, 'activity'), [0, 2.2, 4.4, 8.7, 18])
  assert.deepEqual([0, 2.2, 2.3, 8.7, 17.3, 99].map((value) => shadeOf(value, reaches(spots, 'activity'))), [0, 1, 2, 3, 4, 4])
  assert.deepEqual([reaches(spots, 'pieces'), shadeOf(0, [0]), shadeOf(null, [0, 1])], [[0], 0, 0])
  assert.deepEqual([0.1, 0.5, 1].map((value) => shadeOf(value, reaches(spots, 'doubt'))), [1, 2, 4])
  assert.deepEqual(byZone(spots).map(({ label, spots: held }) => [label, held.length]), [['Zone a', 1], ['Zone b', 2], ['', 1]])
})
