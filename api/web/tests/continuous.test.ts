import assert from 'node:assert/strict'
import { test } from 'node:test'

import { continuous, continuousArea } from '#shared/continuous.ts'

test('a way over 180 degrees goes on past it, both ways', () => {
  assert.deepEqual(continuous([[179, 1], [-179, 2], [-178, 3], [179, 4]]), [[179, 1], [181, 2], [182, 3], [179, 4]])
  assert.deepEqual(continuous([[-179, 1], [179, 2]]), [[-179, 1], [-181, 2]])
  assert.deepEqual(continuous([[24, 60], [25, 61]]), [[24, 60], [25, 61]])
  assert.deepEqual(continuous([]), [])
})

test('the parts of an area that is cut at 180 degrees lie beside one another', () => {
  const west = [[179, 0], [180, 0], [180, 1], [179, 0]]
  const east = [[-180, 0], [-179, 0], [-180, 1], [-180, 0]]
  const found = continuousArea({ type: 'MultiPolygon', coordinates: [[west], [east]] })
  assert.deepEqual(found.coordinates, [[west], [[[180, 0], [181, 0], [180, 1], [180, 0]]]])
  assert.deepEqual(continuousArea({ type: 'Polygon', coordinates: [west] }).coordinates, [west])
})
