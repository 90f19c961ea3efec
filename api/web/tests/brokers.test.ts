import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { homeWords, listenLine, quoted, whyNot } from '../src/routes/(console)/settings/brokers/words.ts'

test('the line that listens names host, port, certificates and login as they are needed', () => {
  assert.equal(listenLine({ url: 'mqtts://broker.example.org', prefix: 'frostway/main', signs_in: true }), "mosquitto_sub -h broker.example.org -p 8883 --capath /etc/ssl/certs -u USER -P PASSWORD -q 1 -v -t 'frostway/main/#'")
  assert.equal(listenLine({ url: 'mqtt://10.0.0.7:2883/', prefix: 'cold', signs_in: false }), "mosquitto_sub -h 10.0.0.7 -p 2883 -q 1 -v -t 'cold/#'")
  assert.match(listenLine({ url: 'mqtt://[fd00::1]', prefix: 'cold', signs_in: false }), / -h fd00::1 /)
})

test('what somebody else named is one word to a shell', () => {
  assert.equal(quoted("a'$(reboot)"), `'a'\\''$(reboot)'`)
  const line = listenLine({ url: 'mqtt://broker', prefix: "x' ; reboot '", signs_in: false })
  assert.ok(line.endsWith(`-t 'x'\\'' ; reboot '\\''/#'`))
})

test('whatever a broker may answer is explained, or says itself what it is', () => {
  const source = readFileSync(new URL('../../../operations/deliver/publish.py', import.meta.url), 'utf8')
  const answers = [...source.matchAll(/^ {4}0x\w\w: "(.+)",$/gm)].map((found) => found[1]!)
  assert.ok(answers.length >= 12)
  const plain = answers.filter((each) => whyNot(each) === each)
  assert.deepEqual(plain, ['it is not taken, and the broker does not say why', 'the broker has shut us out'])
  assert.match(whyNot('10.0.0.7: no host in the world, nor in a network that FROSTWAY_WEBHOOK_NETWORKS allows'), /anybody with a broker/)
  assert.match(whyNot('url: mqtts, for it goes through the world'), /mqtts/)
  assert.match(whyNot('url: port 1883 is none of 8883'), /Port 1883/)
  assert.match(whyNot('TLS: CERTIFICATE_VERIFY_FAILED'), /FROSTWAY_WEBHOOK_CA_FILE/)
  assert.match(whyNot('[Errno 111] Connection refused'), /Nobody listens/)
})

test('what Home Assistant is told is said, and why it is not', () => {
  const now = Date.parse('2026-11-29T12:00:10Z')
  const off = { home_assistant: false, announced: 0, announced_at: null, announce_error: null, last_error: null }
  assert.equal(homeWords(off, now), 'off')
  assert.match(homeWords({ ...off, announced: 2 }, now), /2 that stand there are being taken away/)
  assert.equal(homeWords({ ...off, home_assistant: true }, now), 'is being told…')
  const on = { home_assistant: true, announced: 12, announced_at: '2026-11-29T12:00:00Z', announce_error: null, last_error: null }
  assert.equal(homeWords(on, now), '12 vehicles and devices, looked at 10 s ago')
  assert.match(homeWords({ ...on, announce_error: 'this user may not publish there' }, now), /its rules have to allow/)
  assert.match(homeWords({ ...on, announce_error: 'away', last_error: 'away' }, now), /for the same reason/)
})
