import assert from 'node:assert/strict'
import { test } from 'node:test'

import { unwrapRing } from '../plugins/rings.ts'
import { applyChanges, applySnapshot, backoff, emptyTables } from '#client/index.ts'
import { statusOf } from '#shared/status.ts'
import type { Snapshot } from '#client/index.ts'
import type { Vehicle } from '#shared/api/shapes.ts'
import { TOPICS } from '#shared/feed.ts'
import type { Topics } from '#shared/feed.ts'

const vehicle = (id: string, more: Partial<Vehicle> = {}): Vehicle => ({
  id, label: id, t: '2026-11-22T10:00:00Z', received_at: null, lat: 60, lon: 25, speed_mps: 1, heading_deg: 0,
  accuracy_m: null, flags: [], status: 'moving', status_since: null, site: null, battery_ratio: null, class: null, fleet: null, model: null, driver: null,
  load_capacity_kg: null, volume_capacity_m3: null, pallet_capacity: null, fuel_type: null, nominal_fuel_lph: null, tags: [], temps: [],
  shipment: null, alerts: 0, ...more,
})

test('snapshot plus deltas is the state of the server', () => {
  const tables = emptyTables<Topics>(TOPICS)
  const snapshot: Snapshot<Topics> = { type: 'snapshot', cursor: '1', now: '', vehicles: [vehicle('a'), vehicle('b')] }
  applySnapshot(tables, snapshot)
  const before = tables.vehicles.get('a')
  applyChanges(tables, [
    { topic: 'vehicles', id: 'a', op: 'merge', data: { lat: 61 } },
    { topic: 'vehicles', id: 'b', op: 'delete' },
    { topic: 'vehicles', id: 'c', op: 'put', data: { ...vehicle('c') } },
    { topic: 'vehicles', id: 'never seen', op: 'merge', data: { lat: 1 } },
    { topic: 'something new', id: 'x', op: 'put', data: {} },
  ])
  assert.deepEqual([...tables.vehicles.keys()], ['a', 'c'])
  assert.equal(tables.vehicles.get('a')?.lat, 61)
  assert.equal(before?.lat, 60, 'objects are replaced, not changed')
})

test('a snapshot forgets what is no longer there and leaves other topics alone', () => {
  const tables = emptyTables<Topics>(TOPICS)
  applySnapshot(tables, { type: 'snapshot', cursor: '1', now: '', vehicles: [vehicle('a')], sites: [] })
  const touched = applySnapshot(tables, { type: 'snapshot', cursor: '2', now: '', vehicles: [] })
  assert.deepEqual(touched, ['vehicles'])
  assert.equal(tables.vehicles.size, 0)
})

test('reconnecting waits between one and thirty seconds', () => {
  for (let n = 0; n < 12; n++) {
    assert.equal(backoff(n, () => 0), 1000)
    assert.ok(backoff(n, () => 0.9999) <= 30_000)
  }
  assert.ok(backoff(9, () => 0.9999) > 29_000)
})

test('the most urgent status wins', () => {
  const now = Date.parse('2026-11-22T10:00:30Z')
  assert.equal(statusOf(vehicle('a'), now), 'moving')
  assert.equal(statusOf(vehicle('a'), now + 120_000), 'stale')
  assert.equal(statusOf(vehicle('a', { alerts: 1 }), now + 120_000), 'alarm')
})

test('a ring across the antimeridian is made continuous', () => {
  const ring = unwrapRing([[170, 60], [-170, 60], [-170, 70], [170, 70], [170, 60]])
  assert.deepEqual(ring.map((p) => p[0]), [170, 190, 190, 170, 170])
})

test('a ring around the pole is closed over it', () => {
  const ring = unwrapRing([[-180, -80], [-60, -80], [60, -80], [180, -80], [-180, -80]])
  assert.equal(ring.length, 8)
  assert.ok(ring.some(([, lat]) => lat === -90))
})
