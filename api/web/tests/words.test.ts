import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { LANGUAGES } from '#messages/customer.ts'
import type { PublicShipment } from '#shared/api/shapes.ts'
import { Telling } from '../src/routes/t/[token]/telling.ts'
import { caution, headline, temperatureWords } from '../src/routes/t/[token]/words.ts'

type Temperature = NonNullable<PublicShipment['temperature']>
const EN = new Telling('en', 'UTC')
const NOW = Date.parse('2026-11-22T12:00:00Z')
const KEPT: Temperature = { verdict: 'in_range', min_c: 3, max_c: 6, last_c: 5, last_at: '2026-11-22T11:59:00Z', low_c: 2, high_c: 8 }

const plain = (said: ReturnType<typeof temperatureWords>) => said && { ...said, text: said.text.replace(/[\u00a0\u202f]/g, ' ') }
const words = (status: PublicShipment['status'], temperature: Partial<Temperature> | null) =>
  plain(temperatureWords(EN, { status, temperature: temperature && { ...KEPT, ...temperature } } as PublicShipment, NOW))

test('a customer is told how cold it was kept, on the way and when it was delivered', () => {
  assert.deepEqual([words('in_transit', {})?.good, words('in_transit', {})?.text], [true, 'Kept in its range so far: 2 to 8 °C.'])
  assert.equal(words('delivered', {})?.text, 'Kept in its range: 2 to 8 °C.')
  assert.match(words('delivered', { max_c: 8.4 })!.text, /but for a short time, at 8.4/)
})

test('goods that were too warm or too cold are told with how far', () => {
  const warm = words('delivered', { verdict: 'excursion', max_c: 16.6 })!
  assert.equal(warm.good, false)
  assert.match(warm.text, /^Left its range \(2 to 8 °C\) on the way: at 16.6.*The sender knows/)
  assert.match(words('in_transit', { verdict: 'excursion', min_c: -3 })!.text, /at [-−]3/)
  assert.match(words('delivered', { verdict: 'indeterminate', max_c: 16.6 })!.text, /Some measurements are missing; it was at 16.6/)
})

test('a promise that nobody measured is not passed over in silence', () => {
  const none = { verdict: 'no_data', min_c: null, max_c: null, last_c: null, last_at: null } as const
  assert.match(words('delivered', none)!.text, /Nobody measured/)
  assert.equal(words('in_transit', none)!.good, null)
  assert.equal(words('planned', none), null)
  assert.equal(words('delivered', null), null)
})

test('a customer is told that a time is a guess, as long as it is shown', () => {
  const eta = { p10: '2026-11-22T12:10:00Z', p50: '2026-11-22T12:20:00Z', p90: '2026-11-22T12:40:00Z', guess: true }
  const said = (changed: object, now = NOW) => caution(EN, { status: 'in_transit', stop: null, eta, ...changed } as PublicShipment, now)
  assert.match(said({})!, /few trips/)
  assert.equal(said({ eta: { ...eta, guess: false } }), null)
  assert.equal(said({}, NOW + 3_600_000), null)
  assert.equal(said({ stop: { arrived_at: '2026-11-22T12:00:00Z' } }), null)
  assert.equal(said({ eta: null }), null)
})

test('in each language and zone the page tells what the server tells without script', () => {
  const cases = JSON.parse(readFileSync(new URL('customer.json', import.meta.url), 'utf8')) as { now: string; zone: string; shipment: PublicShipment; told: Record<string, unknown[]> }[]
  for (const { now, zone, shipment, told } of cases)
    for (const language of LANGUAGES) {
      const [t, at] = [new Telling(language, zone), Date.parse(now)]
      const kept = temperatureWords(t, shipment, at)
      assert.deepEqual([headline(t, shipment, at), caution(t, shipment, at), kept && kept.text, kept && kept.last, kept && kept.good], told[language])
    }
})

test('every language has every word with the same values in it', () => {
  const words = Object.fromEntries(LANGUAGES.map((each) => [each, JSON.parse(readFileSync(new URL(`../src/messages/customer/${each}.json`, import.meta.url), 'utf8')) as Record<string, string>]))
  const values = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([value]) => value).sort()
  for (const [word, text] of Object.entries(words['en'] ?? {}))
    for (const language of LANGUAGES) {
      const said = words[language]?.[word] ?? ''
      if (word === 'date') assert.ok(said.includes('{day}'))
      else assert.deepEqual([word, language, values(said)], [word, language, values(text)])
    }
  for (const language of LANGUAGES) assert.deepEqual(Object.keys(words[language] ?? {}), Object.keys(words['en'] ?? {}))
})
