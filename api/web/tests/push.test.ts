import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'

import { addressOf, endpointId } from '#shared/push.ts'

test('a subscription is an address that names its host', () => {
  const subscription = { endpoint: 'https://push.example.org/a?b', keys: { p256dh: 'BC_-', auth: 'x' } }
  const address = addressOf(subscription)
  assert.match(address, /^webpush:\/\/push\.example\.org\/[A-Za-z0-9_-]+$/)
  assert.deepEqual(JSON.parse(Buffer.from(address.split('/')[3] ?? '', 'base64url').toString()), subscription)
})

test('a link knows a browser by a digest of its endpoint', async () => {
  assert.equal(await endpointId('https://push.example.org/a?b'), createHash('sha256').update('https://push.example.org/a?b').digest('hex'))
})
