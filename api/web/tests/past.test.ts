// A profile tried on the past: where its cases lie, and how many there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { TriedCase, TriedPair } from '#shared/api/shapes.ts'

import { countsOf, lanesOf } from '../src/routes/(console)/settings/profiles/past.ts'

const day = (n: number): string => new Date(Date.UTC(2026, 10, 1 + n)).toISOString()
const one = (from: number, to: number | null): TriedCase => ({ alert: null, severity: 'critical', band: 'warm', limit_c: 8, started_at: day(from), alarm_at: day(from), ended_at: to === null ? null : day(to), extreme_c: 9, lasted_s: null })
const items: TriedPair[] = [
  { device: 'r', probe: 'rear', kind: 'above', how: 'same', would: one(1, 2), did: [one(-1, 1), one(2, 3)] },
  { device: 'r', probe: 'rear', kind: 'above', how: 'new', would: one(8, null), did: [] },
  { device: 's', probe: 'rear', kind: 'below', how: 'gone', would: null, did: [one(5, 6)] },
]

test('a profile tried on the past has a lane for each probe, cut at the ends of the span', () => {
  const [first, second, third] = lanesOf({ items, since: day(0), until: day(10) })
  assert.deepEqual(first?.did.map(({ start, end }) => [start, end]), [[0, 0.1], [0.2, 0.3]])
  assert.deepEqual(first?.would.map(({ start, end, how }) => [start, end, how]), [[0.1, 0.2, 'same'], [0.8, 1, 'new']])
  assert.deepEqual(second, { device: 's', probe: 'rear', would: [], did: [{ start: 0.5, end: 0.6, severity: 'critical', how: 'gone' }] })
  assert.equal(third, undefined)
})

test('what differs is counted', () => assert.deepEqual(countsOf(items), { new: 1, same: 1, gone: 1 }))
