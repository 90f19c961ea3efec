// Where limits lie on a scale; what is typed of a profile and comes back; versions that differ, in words.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ProfileBand, ProfileBody } from '#shared/api/shapes.ts'
import { numberOf, ordered, placeOf, scaleOf, stretchesOf } from '../src/routes/(console)/settings/profiles/band.ts'
import { blank, bodyOf, draftOf, freshBand, opened, plainOf } from '../src/routes/(console)/settings/profiles/draft.ts'
import { differences, factsOf } from '../src/routes/(console)/settings/profiles/words.ts'

const band = (name: string, op: ProfileBand['op'], limit_c: number, more: Partial<ProfileBand> = {}): ProfileBand => ({
  name, op, limit_c, for_s: 600, mode: 'consecutive', reset: 'never', reset_at: '00:00', window_s: null, severity: 'critical', clear_c: 0.3, phases: [], ...more,
})
const limits = (low_c: number | null, high_c: number | null, bands: ProfileBand[] = []) => ({ low_c, high_c, bands })
const PLAIN: ProfileBody = { ...blank('UTC'), ...limits(2, 8, [band('above', '>', 8), band('below', '<', 2)]) }
const SERUM: ProfileBody = {
  ...blank('Europe/Helsinki'),
  ...limits(2, 8, [
    band('hot', '>=', 15, { for_s: 9000 }),
    band('sum', '>', 8, { for_s: 7200, mode: 'cumulative', reset: 'rolling', window_s: 86_400, severity: 'warning' }),
    band('cold', '<', 2, { phases: ['in_transit'] }),
  ]),
  mkt: { limit_c: 8, window_s: 86_400, placement: 'any', delta_h_kj_per_mol: 83.144 },
  suppress: { door_open: true, defrost_s: 600, precondition_s: 0, counts: false },
  schedule: { days: [1, 2], begins: '06:00', ends: '02:00' },
}
/** As the server completes it. */
const completed = (body: ReturnType<typeof bodyOf>['body']): unknown => ({
  ...body,
  bands: 'bands' in body ? body.bands?.map((each) => ({ reset: 'never', reset_at: '00:00', window_s: null, ...each })) : undefined,
})

test('one scale holds all limits with room on both sides', () => {
  assert.deepEqual(scaleOf([]), { from_c: -30, to_c: 30 })
  assert.deepEqual(scaleOf([limits(2, 8)]), { from_c: -5, to_c: 15 })
  assert.deepEqual(scaleOf([limits(2, 8), limits(-25, -15), limits(null, 25)]), { from_c: -30, to_c: 30 })
  assert.deepEqual(scaleOf([limits(null, null, [band('hot', '>=', 45), band('frost', '<=', -0.5)])]), { from_c: -10, to_c: 50 })
})

test('what is beyond limits is as bad as the limit farthest out says, what is in the range is good', () => {
  const found = stretchesOf({ ...limits(2, 8), bands: SERUM.bands }, { from_c: 0, to_c: 20 })
  assert.deepEqual(found.map(({ start, end, how }) => [start, end, how]), [[0, 0.1, 'critical'], [0.1, 0.4, 'good'], [0.4, 0.75, 'warning'], [0.75, 1, 'critical']])
  const twice = [band('late', '>', 8, { for_s: 9000 }), band('soon', '>', 8, { severity: 'info' }), band('too', '>', 8, { severity: 'warning' })]
  assert.deepEqual(stretchesOf(limits(null, 8, twice), { from_c: 0, to_c: 10 }).map(({ how }) => how), ['good', 'warning'])
  assert.deepEqual(stretchesOf(limits(null, 5), { from_c: 0, to_c: 10 }).map(({ how }) => how), ['good', 'beyond'])
  assert.equal(placeOf(-99, { from_c: 0, to_c: 10 }), 0)
  assert.deepEqual(ordered(SERUM.bands.toReversed()).map(({ name }) => name), ['hot', 'sum', 'cold'])
})

test('a number is read with a point, a comma and any minus; nothing is null', () => {
  assert.deepEqual(['4.5', '4,5', ' −18 ', '-18', ''].map(numberOf), [4.5, 4.5, -18, -18, null])
  assert.ok(Number.isNaN(numberOf('warm')))
})

test('a profile comes back from its fields as it was', () => {
  assert.deepEqual(completed(bodyOf(draftOf(SERUM)).body), SERUM)
  const { body } = bodyOf(draftOf(PLAIN))
  assert.deepEqual([body.low_c, body.high_c, 'for_s' in body && body.for_s, 'bands' in body], [2, 8, 600, false])
})

test('two limits of one kind are typed as two numbers until they are opened', () => {
  assert.equal(plainOf(PLAIN)?.for_s, 600)
  assert.equal(plainOf(SERUM), null)
  assert.equal(plainOf({ ...PLAIN, high_c: 9 }), null)
  const draft = draftOf(PLAIN)
  draft.bands = opened(draft)
  draft.plain = false
  assert.deepEqual(completed(bodyOf(draft).body), PLAIN)
  assert.deepEqual([freshBand(draft, true), freshBand(draft, false)].map(({ op, limit }) => [op, limit]), [['>', '8'], ['<', '2']])
})

test('what is no number is told at its field', () => {
  const draft = draftOf(SERUM)
  draft.low = 'cold'
  draft.bands[1]!.minutes = '2h'
  draft.mkt.hours = 'x'
  assert.deepEqual([...bodyOf(draft).wrong.keys()], ['bands.1.for_s', 'low_c', 'mkt.window_s'])
})

test('versions differ in words, part by part', () => {
  const plain = (lines: string[]): string[] => lines.map((line) => line.replace(/\u00a0/g, ' '))
  assert.deepEqual(differences(PLAIN, PLAIN), [])
  const after: ProfileBody = { ...PLAIN, ...limits(2, 9, [band('above', '>', 9), band('frost', '<=', 0, { severity: 'warning' })]), tz: 'Europe/Helsinki' }
  assert.deepEqual(plain(differences(PLAIN, after)), [
    'Good: 2 to 9 °C; before: 2 to 8 °C',
    'above: warmer than 9.0 °C for 10 min, critical, over when 0.3 °C inside; before: warmer than 8.0 °C for 10 min, critical, over when 0.3 °C inside',
    'New: frost: at or below 0.0 °C for 10 min, warning, over when 0.3 °C inside',
    'Zone of its local times: Europe/Helsinki; before: UTC',
    'Gone: below: colder than 2.0 °C for 10 min, critical, over when 0.3 °C inside',
  ])
  const told = Object.fromEntries(factsOf(SERUM).map(({ what, text }) => [what, text.replace(/\u00a0/g, ' ')]))
  assert.match(told['sum'] ?? '', /all stays together \(the count begins anew: rolling on 1 d\)/)
  assert.equal(told['Nobody is told'], 'while a door is open, while it defrosts and 10 min after, what is measured then does not count')
  assert.equal(told['It holds only at some times'], 'Monday, Tuesday, 06:00 to 02:00')
  assert.equal(told['A gap'], undefined) // as everybody's
})
