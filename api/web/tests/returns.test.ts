import assert from 'node:assert/strict'
import { test } from 'node:test'

import { freeOf, nameFor } from '../src/routes/(console)/orders/returns/free.ts'

const line = { line: 1, label: 'Tea', sku: 'TEA', base_unit: 'piece' }
const awaited = { line: 1, origin: 'delivered', quantity: 3, state: 'announced' }

void test('what can come back is what was delivered, or rides back, less what is announced', () => {
  const lines = [{ ...line, stages: { delivered: 7, returning: 2, open: 4 } }, { ...line, line: 2, stages: { picked: 4 } }]
  const returns = [{ lines: [awaited, { ...awaited, state: 'received' }, { ...awaited, line: 2 }] }]
  assert.deepEqual(freeOf(lines, returns).map(({ line: of, origin, most }) => [of, origin, most]), [[1, 'delivered', 4], [1, 'returning', 2]])
  assert.deepEqual(freeOf(lines, [{ lines: [{ ...awaited, quantity: 7 }] }]).map(({ origin }) => origin), ['returning'])
})

void test('a return has a name that the server takes and no other return of the order has', () => {
  assert.equal(nameFor('SO-1', []), 'SO-1-R1')
  assert.equal(nameFor('SO-1', ['SO-1-R1', 'SO-1-R3']), 'SO-1-R2')
  assert.match(nameFor('_'.repeat(64), []), /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/)
})
