import assert from 'node:assert/strict'
import { test } from 'node:test'

import { alertsOf, draftOf, hoursOf, nextStep, routeOf, stepsOf } from '../src/routes/(console)/settings/channels/routes.ts'

const NIGHT = {
  name: 'night',
  alerts: { kinds: ['temperature'], severities: ['critical'], vehicles: ['truck-01'], fleets: ['North'], sites: [] },
  schedule: { days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', until: '06:00', tz: 'Europe/Helsinki' },
  critical_pierces: true,
  steps: [{ after_s: 0, channels: ['night-shift'] }, { after_s: 900, channels: ['manager', 'gone'] }],
  repeat_s: 1800,
  repeats: 3,
  group_s: 60,
  cleared: true,
}

test('a route that is opened and saved is the same', () => {
  assert.deepEqual(routeOf(draftOf(NIGHT, 'UTC', 'x')), NIGHT)
})

test('a new one begins with critical alerts, at once, by the first channel', () => {
  const made = routeOf(draftOf(undefined, 'Europe/Helsinki', 'night-shift'))
  assert.deepEqual(made.alerts?.severities, ['critical'])
  assert.equal(made.schedule, null)
  assert.deepEqual(made.steps, [{ after_s: 0, channels: ['night-shift'] }])
  assert.deepEqual([made.repeat_s, made.repeats], [0, 0])
  assert.deepEqual(nextStep([{ minutes: 10, channels: [] }]).minutes, 25)
})

test('what it does is told in words', () => {
  assert.deepEqual(alertsOf(NIGHT), 'critical alerts: temperature; truck-01, North')
  assert.deepEqual(hoursOf(NIGHT), 'daily 22:00–06:00 (Europe/Helsinki), critical ones always')
  assert.deepEqual(hoursOf({ ...NIGHT, schedule: null }), 'at all hours')
  assert.deepEqual(stepsOf(NIGHT, ['night-shift', 'manager']), ['at once: night-shift', 'after 15 min: manager, gone (gone)', '3 × again every 30 min'])
})
