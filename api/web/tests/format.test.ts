import assert from 'node:assert/strict'
import { test } from 'node:test'

import { age, clockTime, limits, span, temp, windowText } from '#shared/format.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const zone = 'Europe/Helsinki'

test('an age is told in the largest fitting unit', () => {
  assert.equal(age('2026-11-22T11:59:58Z', now), 'just now')
  assert.equal(age('2026-11-22T11:59:48Z', now), '12 s ago')
  assert.equal(age('2026-11-22T11:57:00Z', now), '3 min ago')
  assert.equal(age('2026-11-22T09:30:00Z', now), '2 h ago')
  assert.equal(age(null, now), 'never')
})

test('a clock that runs ahead is told, not hidden', () => {
  assert.equal(age('2026-11-22T12:10:00Z', now), 'in 10 min')
})

test('an arrival window widens outwards to whole steps', () => {
  assert.equal(windowText('2026-11-22T12:07:10Z', '2026-11-22T12:18:01Z', now, 5, zone), '14:05–14:20')
  assert.equal(windowText('2026-11-22T12:05:00Z', '2026-11-22T12:05:00Z', now, 5, zone), '14:05')
})

test('a time of another day carries its day', () => {
  assert.match(clockTime('2026-11-23T12:05:00Z', now, zone), /23.* 14:05$/)
})

test('temperatures carry their unit and a real minus', () => {
  assert.equal(temp(-18), '−18.0\u00a0°C')
  assert.equal(limits(2, 8), '2 to 8\u00a0°C')
  assert.equal(limits(null, -18), 'at most −18\u00a0°C')
  assert.equal(limits(null, null), null)
})

test('a span is short', () => {
  assert.equal(span(40_000), '40 s')
  assert.equal(span(23 * 60_000), '23 min')
  assert.equal(span(125 * 60_000), '2 h 5 min')
  assert.equal(span(48 * 3600_000), '2 d')
})
