// Where limits lie on a scale.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bandOf, numberOf, placeOf, scaleOf } from '../src/routes/(console)/settings/profiles/band.ts'

const limits = (low_c: number | null, high_c: number | null, hysteresis_c = 0.3) => ({ low_c, high_c, hysteresis_c })

test('one scale holds all limits with room on both sides', () => {
  assert.deepEqual(scaleOf([]), { from_c: -30, to_c: 30 })
  assert.deepEqual(scaleOf([limits(2, 8)]), { from_c: -5, to_c: 15 })
  assert.deepEqual(scaleOf([limits(2, 8), limits(-25, -15), limits(null, 25)]), { from_c: -30, to_c: 30 })
})

test('a band ends at its limits, or at the edge where there is none, and is calm inside its hysteresis', () => {
  const scale = { from_c: 0, to_c: 10 }
  assert.deepEqual(bandOf(limits(2, 8, 1), scale), { start: 0.2, end: 0.8, calm_start: 0.3, calm_end: 0.7 })
  assert.deepEqual(bandOf(limits(null, 8, 1), scale), { start: 0, end: 0.8, calm_start: 0, calm_end: 0.7 })
  assert.deepEqual(bandOf(limits(2, 4, 5), scale), { start: 0.2, end: 0.4, calm_start: 0.30000000000000004, calm_end: 0.30000000000000004 })
  assert.equal(placeOf(-99, scale), 0)
})

test('a number is read with a point, a comma and any minus; nothing is null', () => {
  assert.deepEqual(['4.5', '4,5', ' −18 ', '-18', ''].map(numberOf), [4.5, 4.5, -18, -18, null])
  assert.ok(Number.isNaN(numberOf('warm')))
})
