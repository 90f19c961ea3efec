import assert from 'node:assert/strict'
import { test } from 'node:test'

import { age, celsiusOf, clockTime, displayFrom, distance, length, limits, midnight, span, speed, temp, tempStep, typedTemp, windowText, zoneName } from '#shared/format.ts'
import type { Display } from '#shared/format.ts'
import { asBrowser } from '../src/routes/(console)/start/browser.ts'

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

function shownIn<Found>(wanted: Partial<Display>, told: () => Found): Found {
  displayFrom(() => ({ fahrenheit: false, imperial: false, zone: undefined, ...wanted }))
  try {
    return told()
  } finally {
    displayFrom(() => ({ fahrenheit: false, imperial: false, zone: undefined }))
  }
}
const plain = (text: string | null): string | undefined => text?.replaceAll('\u00a0', ' ')

test('who has chosen Fahrenheit is told temperatures, limits and steps in it', () => {
  shownIn({ fahrenheit: true }, () => {
    assert.deepEqual([2, 0, -18, -40, -17.78].map(temp).map(plain), ['35.6 °F', '32.0 °F', '−0.4 °F', '−40.0 °F', '0.0 °F'])
    assert.equal(plain(temp(null)), '–')
    assert.equal(plain(limits(2, 8)), '35.6 to 46.4 °F')
    assert.equal(plain(limits(null, -18)), 'at most −0.4 °F')
    assert.equal(plain(limits(25, null)), 'at least 77 °F')
    assert.equal(plain(tempStep(0.5)), '0.9 °F') // a step has no 32 in it
  })
  assert.equal(plain(tempStep(0.3)), '0.3 °C')
  assert.equal(plain(temp(-0.04)), '0.0 °C')
})

test('a temperature that is typed is °C exactly, and comes back as it was typed', () => {
  shownIn({ fahrenheit: true }, () => {
    assert.deepEqual([35.6, 46.4, 32, -0.4, -40].map((typed) => celsiusOf(typed)), [2, 8, 0, -18, -40])
    for (let tenths = -1000; tenths <= 2000; tenths++) assert.equal(typedTemp(celsiusOf(tenths / 10)), String(tenths / 10))
    assert.equal(typedTemp(celsiusOf(0.5, true), true), '0.5')
    assert.equal(celsiusOf(0.9, true), 0.5)
  })
  assert.deepEqual([celsiusOf(4.37), typedTemp(4.37), typedTemp(-18), typedTemp(null)], [4.37, '4.37', '-18', ''])
})

test('speed and distance are told in miles where they are wanted', () => {
  const told = () => [speed(13.4112), speed(0), distance(100), distance(1240), distance(16_093.44), distance(200_000), length(12)].map(plain)
  assert.deepEqual(shownIn({ imperial: true }, told), ['30 mph', '0 mph', '330 ft', '0.8 mi', '10 mi', '124 mi', '39 ft'])
  assert.deepEqual(told(), ['48 km/h', '0 km/h', '100 m', '1.2 km', '16 km', '200 km', '12 m'])
})

test('times are in the zone that was chosen, which has a name, and its day begins at its midnight', () => {
  shownIn({ zone: 'America/New_York' }, () => {
    assert.equal(clockTime('2026-11-22T11:05:00Z', now), '06:05')
    assert.equal(clockTime('2026-11-22T11:05:00Z', now, zone), '13:05')
    assert.equal(zoneName(), 'America/New_York')
    assert.equal(new Date(midnight(now)).toISOString(), '2026-11-22T05:00:00.000Z')
    assert.equal(new Date(midnight(Date.parse('2026-11-01T20:00:00Z'))).toISOString(), '2026-11-01T04:00:00.000Z') // put back at 2
    assert.equal(new Date(midnight(Date.parse('2026-03-08T20:00:00Z'))).toISOString(), '2026-03-08T05:00:00.000Z') // put forward
  })
  assert.equal(zoneName(), Intl.DateTimeFormat().resolvedOptions().timeZone)
})

test('a browser says which units are used where it is', () => {
  assert.deepEqual(asBrowser('en-US', 'America/Chicago'), { temperature: 'fahrenheit', distance: 'imperial', tz: 'America/Chicago', language: 'en' })
  assert.deepEqual(asBrowser('en-GB', 'Europe/London'), { temperature: 'celsius', distance: 'imperial', tz: 'Europe/London', language: 'en' })
  assert.deepEqual(asBrowser('de', 'Europe/Berlin'), { temperature: 'celsius', distance: 'metric', tz: 'Europe/Berlin', language: 'de' })
})
