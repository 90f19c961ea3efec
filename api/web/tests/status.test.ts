import assert from 'node:assert/strict'
import { test } from 'node:test'

import { nextStop } from '#shared/status.ts'
import type { Stop } from '#shared/api/shapes.ts'

function stops(...arrived: (string | null)[]): Stop[] {
  const rest = { site: null, name: '', lat: 0, lon: 0, window_start: null, window_end: null, departed_at: null, eta: null, radius_m: 150 }
  return arrived.map((arrived_at, i) => ({ seq: i + 1, stop_id: `S-${i + 1}`, arrived_at, deviations: [], ...rest }))
}

test('the next stop is behind the one served last, then one that was left out', () => {
  const [early, late] = ['2026-11-22T10:00:00Z', '2026-11-22T11:00:00Z']
  assert.equal(nextStop(stops(null, null))?.seq, 1)
  assert.equal(nextStop(stops(early, null, late, null))?.seq, 4)
  assert.equal(nextStop(stops(early, null, late))?.seq, 2)
  assert.equal(nextStop(stops(late, early, null))?.seq, 3)
  assert.equal(nextStop(stops(early, late)), undefined)
})
