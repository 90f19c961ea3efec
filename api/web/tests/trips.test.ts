import assert from 'node:assert/strict'
import { test } from 'node:test'

import { details, midnight, title } from '../src/routes/(console)/(live)/trips.ts'
import type { Told } from '../src/routes/(console)/(live)/trips.ts'

const NOW = Date.parse('2026-11-22T11:00:00Z')
const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

function trip(kind: Told['kind'], more: Partial<Told> = {}): Told {
  return {
    kind,
    started_at: '2026-11-22T10:00:00Z',
    ended_at: '2026-11-22T10:23:00Z',
    distance_m: 12_400,
    gap_m: 0,
    idle_s: 20,
    unknown_s: 0,
    carried_m: null,
    ...more,
  }
}

test('a trip tells its way, a stop its place, a gap that nobody knows', () => {
  assert.equal(plain(title(trip('trip'), 'Depot')), 'Trip, 12 km')
  assert.equal(title(trip('trip', { distance_m: null }), null), 'Trip')
  assert.equal(title(trip('stop'), 'Depot'), 'Stop at Depot')
  assert.equal(title(trip('stop'), null), 'Stop')
  assert.equal(title(trip('unknown'), null), 'Not known')
})

test('idling and unknown time are told when they are worth it', () => {
  assert.equal(plain(details(trip('trip'), NOW)), '23 min')
  assert.equal(plain(details(trip('stop', { idle_s: 240, ended_at: null }), NOW)), '1 h, 4 min with the engine on')
  assert.equal(
    plain(details(trip('trip', { unknown_s: 660, gap_m: 3100 }), NOW)),
    '23 min, 11 min and 3.1 km out of sight',
  )
  assert.equal(plain(details(trip('unknown', { unknown_s: 1380, gap_m: 3100 }), NOW)), '23 min, 3.1 km out of sight')
})

test('today begins at midnight where the viewer is', () => {
  assert.ok(NOW - midnight(NOW) >= 0 && NOW - midnight(NOW) < 25 * 3600_000)
  assert.equal(new Date(midnight(NOW)).getHours(), 0)
})

test('what was carried with the engine off is told', () => {
  assert.equal(plain(details(trip('trip', { carried_m: 28_800 }), NOW)), '23 min, 29 km carried with the engine off')
})
