import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { m } from '#messages/webhooks.ts'
import type { Webhook } from '#shared/api/shapes.ts'
import { doing, lastWords, standing, subjectHref, toldWords, TYPES } from '#shared/receivers/words.ts'
import { inShort, kind, urlHint, whyNot } from '../src/routes/(console)/settings/webhooks/words.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const HOOK = {
  id: 'erp', url: 'https://erp.example.org/', types: ['*'], disabled_at: null, disabled_why: null, failures: 0, paused_until: null,
  succeeded_at: '2026-11-29T11:59:00Z', failed_at: null, last_error: null, waiting: 0, waiting_since: null, given_up: 0,
} as unknown as Webhook // prettier-ignore
const state = (changed: Partial<Webhook>) => doing({ ...HOOK, ...changed }, kind, NOW)

test('every type that the server knows has words and a check box', () => {
  const source = readFileSync(new URL('../../../operations/deliver/decide.py', import.meta.url), 'utf8')
  const known = [...source.matchAll(/^ {4}"((?:alert|shipment|order|delivery)\.\w+)":/gm)].map((found) => found[1])
  assert.ok(known.length >= 12)
  assert.deepEqual(Object.values(TYPES).flat().sort(), [...known].sort())
  for (const type of known) assert.notEqual(m.type(type!), type)
})

test('what a webhook is told is said shortly', () => {
  assert.equal(toldWords(['*', 'alert.opened'], m), 'everything')
  assert.equal(toldWords(['alert.*', 'shipment.arrived'], m), 'all of alerts, arrived at a stop')
  assert.equal(toldWords(TYPES['alert']!.slice(0, 3), m), '3 of 17 of alerts')
  assert.equal(toldWords(TYPES['alert']!, m), 'all of alerts')
})

test('a webhook is telling, waiting, given up, paused or switched off, and new before all', () => {
  assert.deepEqual([state({}).looks, state({}).word], ['good', 'telling'])
  assert.equal(state({ succeeded_at: null }).word, 'told nothing yet')
  const waiting = state({ failures: 2, waiting: 3, waiting_since: '2026-11-29T11:00:00Z', paused_until: '2026-11-29T12:05:00Z' })
  assert.match(waiting.word, /^waiting since \d\d:00$/)
  assert.match(waiting.more, /^3 events wait, next try at \d\d:05$/)
  assert.equal(state({ failures: 1, given_up: 1 }).word, '1 event given up')
  const paused = state({ disabled_at: '2026-11-29T11:00:00Z', disabled_why: 'switched off by ana', waiting: 1 })
  assert.deepEqual([paused.word, paused.more], ['paused', 'by ana, 1 event waits'])
  assert.match(state({ disabled_at: '2026-11-29T11:00:00Z', disabled_why: '410 Gone' }).more, /wants nothing more/)
})

test('the last delivery is the later of the one that arrived and the one that did not', () => {
  assert.equal(lastWords(HOOK, m, NOW), 'delivered 1 min ago')
  assert.equal(lastWords({ ...HOOK, failed_at: '2026-11-29T11:59:50Z' }, m, NOW), 'failed 10 s ago')
  assert.equal(lastWords({ succeeded_at: null, failed_at: '2026-11-29T11:59:50Z' }, m, NOW), 'failed 10 s ago')
  assert.equal(lastWords({ succeeded_at: null, failed_at: null }, m, NOW), 'none yet')
})

test('a delivery that is to be tried again says when', () => {
  assert.match(standing({ state: 'waiting', next_at: '2026-11-29T12:05:00Z', attempts: 1 }, m, NOW).more, /^again at \d\d:05$/)
  assert.equal(standing({ state: 'waiting', next_at: '2026-11-29T11:05:00Z', attempts: 0 }, m, NOW).more, '')
  assert.equal(standing({ state: 'gave up', next_at: null, attempts: 10 }, m, NOW).more, '10 attempts')
})

test('why nothing arrived is said in words, with what to do', () => {
  assert.match(whyNot('10.0.0.7: no host in the world, nor in a network that FROSTWAY_WEBHOOK_NETWORKS allows'), /“10.0.0.7” leads to no address.*FROSTWAY_WEBHOOK_NETWORKS/)
  assert.match(whyNot('url: https, for it goes through the world'), /https/)
  assert.match(whyNot('url: port 9000 is none of 443, 8443'), /Port 9000.*443 and 8443/)
  assert.match(whyNot('TLS: CERTIFICATE_VERIFY_FAILED'), /certificate verify failed.*FROSTWAY_WEBHOOK_CA_FILE/)
  assert.match(whyNot('no answer within 15 s'), /15 seconds/)
  assert.match(whyNot('[Errno 111] Connection refused'), /Nobody listens/)
  for (const [status, wanted] of [[302, /redirects/], [401, /signature/], [404, /path/], [429, /busy/], [500, /broken/], [422, /own log/]] as const)
    assert.match(whyNot(`${status} Words`, status), wanted)
  assert.equal(whyNot('something else'), 'something else')
})

test('an attempt is told in short', () => {
  assert.equal(inShort({ status: 204, error: null, took_ms: 12 }), '204 after 12 ms')
  assert.equal(inShort({ status: 503, error: '503 Busy', took_ms: 1200 }), '503 Busy after 1.2 s')
  assert.equal(inShort({ status: null, error: 'no answer within 15 s', took_ms: 15_000 }), 'no answer within 15 s')
  assert.equal(inShort({ status: null, error: '10.0.0.7: no host in the world, nor', took_ms: 0 }), 'no address in the world: 10.0.0.7')
})

test('an address inside or without encryption is told of while it is typed', () => {
  for (const url of ['http://localhost:3000/', 'https://10.1.2.3/', 'https://192.168.1.1/x', 'http://[fd00::1]/', 'https://erp.internal/']) assert.equal(urlHint(url), m.url_inside, url)
  assert.equal(urlHint('http://erp.example.org/'), m.url_http)
  for (const url of ['https://erp.example.org/', 'https://172.40.1.1/', '', 'https']) assert.equal(urlHint(url), '', url)
})

test('what an event is about is a page', () => {
  assert.equal(subjectHref('alerts/17'), '/alerts?alert=17')
  assert.equal(subjectHref('shipments/S 1'), '/shipments?shipment=S%201')
  assert.equal(subjectHref('webhooks/erp'), '')
})
