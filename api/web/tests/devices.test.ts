import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Assignment, CommandKind } from '#shared/api/shapes.ts'

import { bodyOf, givenOf, NotJson, placeOf } from '../src/routes/(console)/devices/commands.ts'
import { replaced, typedSince, undoing } from '../src/routes/(console)/devices/moves.ts'

const interval: CommandKind = {
  name: 'interval', about: '', harms: false,
  arguments: [
    { name: 'seconds', type: 'number', about: '', required: true, low: 0, high: 9, pattern: '' },
    { name: 'why', type: 'text', about: '', required: false, low: 0, high: 9, pattern: '' },
  ],
}

test('a command has its arguments as what they are, and what is left empty is not said', () => {
  const body = bodyOf({ kind: 'interval', 'argument.seconds': '30', 'argument.why': ' ' }, interval, 60)
  assert.deepEqual(body, { command: 'interval', argument: { seconds: 30 }, expires_in_s: 60 })
  assert.deepEqual(bodyOf({ command: ' blink ', argument: '{"led": "red"}' }, undefined, 60), { command: 'blink', argument: { led: 'red' }, expires_in_s: 60 })
  assert.deepEqual(bodyOf({ command: 'blink', argument: '' }, undefined, 60).argument, {})
  for (const text of ['{', '[1]', 'null', '7']) assert.throws(() => bodyOf({ command: 'x', argument: text }, undefined, 60), NotJson)
  assert.equal(givenOf({ seconds: 30, text: 'a b', list: [1] }), 'seconds 30, text a b, list [1]')
})

const was = (vehicle: string | null, from: string | null, to: string | null): Assignment => ({
  id: `${from}`, vehicle, site: null, zone: null, from, to, recorded_at: null, recorded_by: 'ann',
})
const TEN = '2026-11-22T10:00:00Z'
const NOON = '2026-11-22T12:00:00.500Z'
const HISTORY = [was('truck-3', NOON, null), was('truck-2', TEN, NOON), was('truck-1', null, TEN)]

test('a move replaces what is said of its time and after, and is taken back in order, each with its own times', () => {
  assert.deepEqual(replaced(HISTORY, '2026-11-22T11:00:00Z').map((each) => each.vehicle), ['truck-3', 'truck-2'])
  assert.deepEqual(replaced(HISTORY, TEN).map((each) => each.vehicle), ['truck-3', 'truck-2'])
  assert.equal(replaced(HISTORY, null).length, 3)
  assert.deepEqual(undoing(HISTORY, '2026-11-22T11:00:00Z'), [
    { from: '2026-11-22T11:00:00Z', since_ever: false },
    { vehicle: 'truck-2', from: TEN, since_ever: false, to: NOON },
    { vehicle: 'truck-3', from: NOON, since_ever: false },
  ])
  assert.deepEqual(undoing(HISTORY, null).slice(0, 2), [{ since_ever: true }, { vehicle: 'truck-1', since_ever: true, to: TEN }])
})

test('since when is a time of a wall in its zone that has been', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  assert.equal(Date.parse(typedSince('2026-11-22T13:30', 'Europe/Helsinki', now)), Date.parse('2026-11-22T11:30:00Z'))
  assert.throws(() => typedSince('2026-11-22T14:30', 'Europe/Helsinki', now), /still to come/)
  assert.throws(() => typedSince('2026-03-29T03:30', 'Europe/Helsinki', now), /skip/)
  assert.throws(() => typedSince('', 'Europe/Helsinki', now), /missing/)
})

test('places of ours are told to an app by name, where they are and how large', () => {
  const depot = placeOf({ label: 'Depot', lat: 60.17, lon: 24.94, radius_m: 0.2 })
  assert.deepEqual(depot, { desc: 'Depot', lat: 60.17, lon: 24.94, rad: 1 })
  const kind: CommandKind = { name: 'set_waypoints', about: '', harms: false, arguments: [{ name: 'waypoints', type: 'places', about: '', required: true, low: 1, high: 20, pattern: '' }] }
  assert.deepEqual(bodyOf({}, kind, 60, [depot]).argument, { waypoints: [depot] })
  assert.equal(givenOf({ waypoints: [depot, { ...depot, desc: 'Yard' }] }), 'Depot, Yard')
})
