import assert from 'node:assert/strict'
import test from 'node:test'

import { siteTotals, totalKey } from '../src/routes/(console)/(live)/stock.ts'
import type { Stock } from '#shared/api/shapes.ts'

const level = (site: string, zone: string, sku: string, quantity: number): Stock =>
  ({ id: `${site}/${zone}/${sku}`, site, zone, sku, label: sku, quantity, reorder_point: 10 }) as unknown as Stock

test('what lies at a site is counted over its zones, each product and site for itself', () => {
  const totals = siteTotals([level('a', 'z1', 'milk', 6), level('a', 'z2', 'milk', 7), level('b', 'z1', 'milk', 3), level('a', 'z1', 'ham', 1)])
  assert.deepEqual(totals.get(totalKey({ site: 'a', sku: 'milk' })), { quantity: 13, zones: 2 })
  assert.deepEqual(totals.get(totalKey({ site: 'b', sku: 'milk' })), { quantity: 3, zones: 1 })
  assert.deepEqual(totals.get(totalKey({ site: 'a', sku: 'ham' })), { quantity: 1, zones: 1 })
})
