// The fan of a forecast, and how a curve is cut where nobody knows how it was.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fanOf, roomFor, tempAt } from '#shared/fan.ts'
import { columns } from '#shared/columns.ts'

const T = Date.UTC(2026, 10, 29, 12)
const at = (minute: number): string => new Date(T + minute * 60_000).toISOString()
const risk = { kind: 'breach_risk', state: 'active' as const, limit_c: 8, title: 'Will be too warm: the cooling fails', expected: { p10: at(20), p50: at(30), p90: at(60), at: at(0), temp_c: 6, for_s: 600 } }

test('a fan opens from where it was seen to the limit, and on', () => {
  const fan = fanOf(risk)
  assert.ok(fan)
  assert.deepEqual(fan.crossings.map((each) => (each - T) / 60_000), [10, 20, 50])
  assert.equal(tempAt(fan, fan.crossings[0], T), 6)
  assert.equal(tempAt(fan, fan.crossings[1], T + 20 * 60_000), 8)
  assert.equal(tempAt(fan, fan.crossings[2], T + 25 * 60_000), 7)
  const beyond = fanOf({ ...risk, expected: { ...risk.expected, temp_c: 9 } })
  assert.ok(beyond)
  assert.equal(tempAt(beyond, beyond.crossings[1], T + 20 * 60_000), 9)
  assert.equal(fanOf({ ...risk, title: 'Will be too cold: defrosting' })?.above, false)
})

test('what is over or was told without a curve has no fan', () => {
  assert.equal(fanOf({ ...risk, state: 'cleared' }), null)
  assert.equal(fanOf({ ...risk, expected: { ...risk.expected, at: null, temp_c: null, for_s: null } }), null)
  assert.equal(fanOf({ ...risk, kind: 'temperature' }), null)
})

test('a chart makes room for the fan, half of itself at most', () => {
  const fan = fanOf(risk)
  assert.equal(roomFor(null, T - 100, T), T)
  assert.equal(roomFor(fan, T - 3 * 3600_000, T), T + 65 * 60_000)
  assert.equal(roomFor(fan, T - 3600_000, T), T + 30 * 60_000)
})

test('a curve is cut at its gaps and nowhere else', () => {
  const points = [0, 10, 20, 60, 70].map((minute) => ({ t: at(minute), temp_c: 5 }))
  const gap = { start: at(20), end: at(60) }
  const cut = (gaps: (typeof gap)[], gap_count: number): (number | null)[] => columns({ points, max_interval_s: 300, summary: { gaps, gap_count } })[1]
  assert.deepEqual(cut([gap], 1), [5, 5, 5, null, 5, 5])
  assert.deepEqual(cut([], 0), [5, 5, 5, 5, 5])
})
