import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadedOf } from '../src/shared/orders/loaded.ts'

const dock = { kind: 'site', site: 'store-1' }
const truck = { kind: 'vehicle', vehicle: 'truck-01' }
const step = { line: 1, sku: 'TEA', lot: null, handling_unit: 'P-1', quantity: 4, place: dock, to: truck }

void test('what is on a vehicle is what was loaded less what left it', () => {
  const steps = [
    { ...step, kind: 'deliver', quantity: 3, place: truck, to: null },
    { ...step, kind: 'load', line: 2, quantity: 1 },
    { ...step, kind: 'unload', line: 2, quantity: 1, place: truck, to: dock },
    { ...step, kind: 'load', line: 2, quantity: 1 },
    { ...step, kind: 'load' },
    { ...step, kind: 'pack', to: dock },
  ]
  assert.deepEqual(
    loadedOf(steps).map(({ line, quantity, vehicle, from }) => [line, quantity, vehicle, from]),
    [[1, 1, 'truck-01', dock], [2, 1, 'truck-01', dock]],
  )
  assert.deepEqual(loadedOf([]), [])
})
