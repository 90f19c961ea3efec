import assert from 'node:assert/strict'
import { test } from 'node:test'

import { codeOf, filled, isLoopback } from '../src/routes/(console)/devices/connect.ts'
import type { Connect, ConnectWay } from '#shared/api/shapes.ts'

const way = (more: Partial<ConnectWay>): ConnectWay => ({
  name: 'w', label: '', by: 'mqtt', format: '', kinds: ['phone'], address: '', sample: '', command: '', about: '', app: '', ...more,
})
const connect: Connect = {
  tenant: 'main', mqtt: [{ host: 'fleet.example', port: 8883, tls: true }], http: ['https://fleet.example:8443'], teltonika: null, authority: null, ways: [],
}
const login = { device: 'phone-1', password: 'p w/"', token: 'tok' }

test('a text has the names and secrets of the device in it, and leaves the shell its own', () => {
  const text = 'mosquitto_pub -h $host -p $port $ca-u $tenant/$device -P $password -m "{\\"tst\\":$(date +%s)}" $base/x/$token $other'
  const found = filled(text, connect, login, 0)
  assert.ok(found.includes('-h fleet.example -p 8883 -u main/phone-1 -P p w/"'))
  assert.ok(found.includes('$(date +%s)') && found.endsWith('https://fleet.example:8443/x/tok $other'))
  assert.ok(filled('$password $token', connect, { device: 'd' }, 0) === 'PASSWORD TOKEN')
  assert.equal(filled('{"t":$ms,"s":$s,"at":"$time"}', connect, login, 1_500), '{"t":1500,"s":1,"at":"1970-01-01T00:00:01.500Z"}')
})

test('OwnTracks scans its settings, with a login that is known only', () => {
  const code = codeOf(way({ app: 'owntracks' }), connect, login)
  const settings = JSON.parse(atob(decodeURIComponent(new URL(code).searchParams.get('inline') ?? ''))) as Record<string, unknown>
  assert.equal(new URL(code).protocol, 'owntracks:')
  assert.deepEqual(
    [settings['_type'], settings['host'], settings['port'], settings['tls'], settings['username'], settings['password'], settings['pubTopicBase']],
    ['configuration', 'fleet.example', 8883, true, 'main/phone-1', 'p w/"', 'owntracks/main/phone-1'],
  )
  assert.equal(codeOf(way({ app: 'owntracks' }), connect, { device: 'phone-1' }), '')
  assert.ok(codeOf(way({ app: 'owntracks', by: 'http' }), connect, login).startsWith('owntracks:///config?inline='))
  assert.equal(codeOf(way({ app: 'owntracks', by: 'http' }), { ...connect, http: [] }, login), '')
})

test('Traccar Client scans an address', () => {
  assert.equal(codeOf(way({ app: 'traccar', by: 'http' }), connect, login), 'https://fleet.example:8443/osmand/tok?id=phone-1')
})

test('an address that only this machine reaches is one', () => {
  assert.deepEqual(['127.0.0.1', 'localhost', '::1', '192.168.1.4', 'fleet.example'].map(isLoopback), [true, true, true, false, false])
})

test('a command trusts a private authority, as each program is told to', () => {
  const known = { ...connect, authority: { sha256: 'ab', pem: 'PEM' } }
  assert.equal(filled('mosquitto_pub $ca-t x', known, login, 0), 'mosquitto_pub --cafile ca.pem -t x')
  assert.equal(filled('curl -sS $ca"$base"', known, login, 0), 'curl -sS --cacert ca.pem "https://fleet.example:8443"')
  assert.equal(filled('curl -sS $ca"x"', connect, login, 0), 'curl -sS "x"')
})
