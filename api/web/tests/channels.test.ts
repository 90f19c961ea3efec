import assert from 'node:assert/strict'
import { test } from 'node:test'

import { m } from '#messages/channels.ts'
import type { Channel } from '#shared/api/shapes.ts'
import { doing, standing } from '#shared/receivers/words.ts'
import { exampleOf, kind, mailAddress, tells, whyNot } from '../src/routes/(console)/settings/channels/words.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const CHANNEL: Channel = {
  id: 'night',
  kind: 'mailtos',
  group: 'mail',
  url: 'mailtos://…@smtp.example.org',
  alerts: 'critical',
  cleared: true,
  for_customers: false,
  language: 'en',
  tz: 'UTC',
  created_at: '2026-11-29T10:00:00.000Z',
  created_by: 'ann',
  disabled_at: null,
  disabled_why: null,
  failures: 0,
  paused_until: null,
  succeeded_at: null,
  failed_at: null,
  last_error: null,
  waiting: 0,
  waiting_since: null,
  given_up: 0,
}

test('what is typed of a mail server becomes an address in which nothing is mistaken for another part', () => {
  const mail = { host: 'smtp.example.org:587', user: 'ann@example.org', password: 'p@ss/w:?&#', from: 'f@example.org', to: 'a@example.org, b+c@example.org' }
  assert.equal(
    mailAddress(mail, false),
    'mailtos://ann%40example.org:p%40ss%2Fw%3A%3F%26%23@smtp.example.org:587?from=f%40example.org&to=a%40example.org,b%2Bc%40example.org',
  )
  assert.equal(mailAddress({ ...mail, user: '' }, true), 'mailtos://smtp.example.org:587?from=f%40example.org&to={to}')
})

test('an example for customers has a place for their address, one for staff has none', () => {
  assert.match(exampleOf('twilio', true), /\{to\}$/)
  assert.match(exampleOf('own', true), /\{to\}$/)
  for (const kind of ['twilio', 'sms', 'own', 'slack']) assert.doesNotMatch(exampleOf(kind, false), /\{to\}/)
})

test('what a channel is doing is told in words', () => {
  assert.equal(doing(CHANNEL, kind, NOW).looks, 'new')
  assert.equal(doing({ ...CHANNEL, succeeded_at: '2026-11-29T11:00:00.000Z' }, kind, NOW).looks, 'good')
  const failing = { ...CHANNEL, failures: 2, waiting: 3, paused_until: '2026-11-29T12:05:00.000Z' }
  assert.match(doing(failing, kind, NOW).more, /^3 messages wait, next try at/)
  const paused = { ...failing, disabled_at: '2026-11-29T11:00:00.000Z', disabled_why: 'switched off by ann' }
  assert.deepEqual([doing(paused, kind, NOW).looks, doing(paused, kind, NOW).more], ['off', 'by ann, 3 messages wait'])
  assert.equal(doing({ ...paused, disabled_why: 'error=410' }, kind, NOW).looks, 'bad')
  assert.equal(tells(CHANNEL), 'critical alerts and their end')
  assert.equal(tells({ ...CHANNEL, for_customers: true }), 'customers: milestones')
})

test('how a message stands', () => {
  assert.equal(standing({ state: 'done', next_at: null, attempts: 1 }, m, NOW).word, 'sent')
  assert.match(standing({ state: 'waiting', next_at: '2026-11-29T12:10:00.000Z', attempts: 1 }, m, NOW).more, /^again at/)
})

test('why something did not get through is explained where that can be told', () => {
  assert.match(whyNot('it: no host in the world, nor in a network that FROSTWAY_WEBHOOK_NETWORKS allows'), /FROSTWAY_WEBHOOK_NETWORKS/)
  assert.match(whyNot("(535, b'authentication failed')"), /not right/)
  assert.match(whyNot('Failed to send: error=401.'), /not right/)
  assert.equal(whyNot('a mystery'), 'a mystery')
})
