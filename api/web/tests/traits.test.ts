import assert from 'node:assert/strict'
import { test } from 'node:test'

import { choices, fits, groupOf } from '#shared/traits.ts'
import type { Vehicle } from '#shared/api/shapes.ts'

const vehicle = (more: Partial<Vehicle>): Vehicle =>
  ({ fleet: null, model: null, driver: null, fuel_type: null, tags: [], ...more }) as Vehicle

const ann = vehicle({ fleet: 'North', driver: { id: 'ann', label: 'Ann V.', since: null }, tags: ['tail lift', 'cold'] })
const bare = vehicle({})

test('a vehicle fits when all that is wanted is told of it', () => {
  assert.ok(fits(ann, {}))
  assert.ok(fits(ann, { fleet: 'North', tag: 'cold', driver: 'ann' }))
  assert.ok(!fits(ann, { fleet: 'North', tag: 'city' }))
  assert.ok(!fits(bare, { fleet: 'North' }))
  assert.ok(fits(bare, { fleet: '' }))
})

test('each vehicle has one group, whatever the order of its tags', () => {
  assert.equal(groupOf(ann, 'tag'), 'cold, tail lift')
  assert.equal(groupOf(ann, 'driver'), 'Ann V.')
  assert.equal(groupOf(bare, 'fleet'), '')
})

test('what can be chosen is what is told, once, by its word', () => {
  assert.deepEqual(choices([ann, bare, ann], 'driver'), [['ann', 'Ann V.']])
  assert.deepEqual(choices([ann, bare], 'tag'), [['cold', 'cold'], ['tail lift', 'tail lift']])
})
