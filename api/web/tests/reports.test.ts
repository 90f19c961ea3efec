import assert from 'node:assert/strict'
import { test } from 'node:test'

import { byDay, scale, sorted, told } from '../src/routes/(console)/reports/table.ts'

const rows = [
  { vehicle: 'truck-10', value: 0.05 },
  { vehicle: 'truck-9', value: null },
  { vehicle: 'truck-2', value: 0.09 },
]
const order = (by: string): string[] => sorted(rows, by).map(({ vehicle }) => String(vehicle))

test('rows are sorted by number or name, either way, and what is not known comes last', () => {
  assert.deepEqual(order(''), ['truck-10', 'truck-9', 'truck-2'])
  assert.deepEqual(order('value'), ['truck-10', 'truck-2', 'truck-9'])
  assert.deepEqual(order('-value'), ['truck-2', 'truck-10', 'truck-9'])
  assert.deepEqual(order('vehicle'), ['truck-2', 'truck-9', 'truck-10'])
  assert.deepEqual(order('no-such'), order(''))
})

test('numbers are told with their unit, shares as per cent', () => {
  assert.equal(told('value', 0.07, 0, 'fuel_ratio'), '7\u00a0%')
  assert.equal(told('value', 17.25, 0, 'fuel_l'), '17.25')
  assert.equal(told('driving_h', 3.5, 0, ''), '3 h 30 min')
  assert.equal(told('fuel_lph', 14, 0, ''), '14.0\u00a0l/h')
  assert.equal(told('fleet', null, 0, ''), '–')
  assert.equal(told('fleet', 'North', 0, ''), 'North')
})

test('a share is drawn of the whole, a number of the greatest, the plan beside it', () => {
  assert.equal(scale('value', rows, 'fuel_ratio')(0.05), 0.05)
  assert.equal(scale('value', rows, 'fuel_l')(0.045), 0.5)
  const fuel = scale('fuel_lph', [{ fuel_lph: 12, nominal_fuel_lph: 16 }], '')
  assert.deepEqual([fuel(12), fuel(16), fuel(undefined)], [0.75, 1, 0])
})

test('days are drawn when there are two, the greatest lines first', () => {
  const day = (on: string, fleet: string | null, vehicle_days: number) => ({ fleet, model: 'heavy', day: on, vehicle_days })
  assert.equal(byDay('activity', [day('2026-11-01', 'North', 1)]), null)
  const found = byDay('activity', [day('2026-11-02', 'North', 1), day('2026-11-01', 'North', 1), day('2026-11-02', null, 5)])
  assert.deepEqual(found?.days, ['2026-11-01', '2026-11-02'])
  assert.deepEqual(found.lines, [
    { name: 'heavy', values: [null, 5] },
    { name: 'North, heavy', values: [1, 1] },
  ])
  const drives = ['2026-11-01', '2026-11-02'].flatMap((on) => [
    { vehicle: 'a', day: on, longest_minutes: 60, mean_minutes: 30 },
    { vehicle: 'b', day: on, longest_minutes: 120, mean_minutes: 90 },
  ])
  assert.deepEqual(byDay('driving-without-rest', drives)?.lines.map(({ values }) => values), [[2, 2], [1, 1]])
  assert.equal(byDay('long-day', drives), null)
})
