import assert from 'node:assert/strict'
import { test } from 'node:test'

import { browserWords } from '../src/routes/(console)/settings/agents.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'

test('a browser that says what it is is called by the name that people know', () => {
  const told: [string, string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/140.0.0.0 Safari/537.36`, 'Chrome on Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`, 'Edge on Windows'],
    [`Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36`, 'Chrome on Android'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1', 'Safari on iPhone'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15', 'Safari on macOS'],
    ['python-httpx/0.28.1', 'python-httpx 0.28.1'],
  ]
  for (const [agent, words] of told) assert.equal(browserWords(agent), words)
})

test('one that says nothing is said to say nothing', () => {
  assert.match(browserWords(null), /does not say/)
  assert.match(browserWords(''), /does not say/)
})
