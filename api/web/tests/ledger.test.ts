// Lines of the ledger by product and zone, what names one, and what a scanned code does to a count.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerLevel, Stock, StockFound } from '#shared/api/shapes.ts'
import { scannedInto, stepped } from '#shared/stock/counting.ts'
import type { CountLine } from '#shared/stock/counting.ts'
import { grouped, keyOf, keyText } from '#shared/stock/lines.ts'

const level = (more: Partial<LedgerLevel>): LedgerLevel => ({
  id: JSON.stringify(more), place: { kind: 'site', site: 's', zone: 'z' }, sku: 'MILK', label: 'Milk', lot: null, best_before: null, handling_unit: null, quantity: 4,
  base_unit: 'piece', reorder_point: 10, moved_at: '2026-01-01T00:00:00Z', changed_at: null, counted_at: null, counted: null, evidence: null, ...more,
})
const line = (more: Partial<CountLine>): CountLine => ({ bin: '', lot: '', handling_unit: '', seen: '', ledger: null, ...more })
const found = (...things: Partial<StockFound['found'][number]>[]): StockFound => ({
  code: 'c', names: 'c', gtin: null, lot: null, serial: null, sscc: null, gln: null, problem: '',
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
  const [milk, peas, ...none] = grouped([...lots, level({ place: { kind: 'vehicle', vehicle: 't' }, quantity: 2 })], zones, live, ({ sku }) => sku === 'PEAS').toSorted((a, b) =>
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
