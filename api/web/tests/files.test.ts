// What is told of a file while it is brought in.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'

import { bring, wrongWords } from '../src/shared/files/bring.ts'
import type { Told } from '../src/shared/files/bring.ts'

const whole = globalThis.fetch
afterEach(() => void (globalThis.fetch = whole))

const END = { what: 'end', dry_run: false, lines: 3, created: 1, changed: 0, same: 0, wrong: 1 }
const WRONG = { what: 'line', line: 3, id: 'Ä', outcome: 'wrong', column: 'low_c', problem: 'no number' }

/** Answers with these lines, cut into pieces anywhere. */
function answering(lines: readonly object[], size = 7): string[] {
  const asked: string[] = []
  const bytes = new TextEncoder().encode(lines.map((each) => `${JSON.stringify(each)}\n`).join(''))
  globalThis.fetch = (address): Promise<Response> => {
    asked.push(String(address))
    const body = new ReadableStream<Uint8Array>({
      start(out): void {
        for (let at = 0; at < bytes.length; at += size) out.enqueue(bytes.slice(at, at + size))
        out.close()
      },
    })
    return Promise.resolve(new Response(body))
  }
  return asked
}

const never = new AbortController().signal

test('lines are heard whatever the pieces they come in, and the last one is what became of all', async () => {
  const asked = answering([{ what: 'note', text: 'guessed' }, { what: 'line', line: 2, id: 'a', outcome: 'created' }, WRONG, { ...END, what: 'progress', bytes: 9, of_bytes: 9 }, END])
  const [told, notes, seen]: [Told[], string[], number[]] = [[], [], []]
  const counts = await bring('products', 'x', { dry_run: true, zone: 'Europe/Helsinki' }, { told: (each) => void told.push(each), note: (text) => void notes.push(text), progress: ({ lines }) => void seen.push(lines) }, never)
  assert.deepEqual([counts.created, counts.wrong, notes, seen], [1, 1, ['guessed'], [3]])
  assert.deepEqual(told.map(({ line, outcome }) => [line, outcome]), [[2, 'created'], [3, 'wrong']])
  assert.equal(told[1] && wrongWords(told[1]), 'low_c: no number')
  assert.deepEqual(asked, ['/api/v1/products/import?dry_run=true&zone=Europe%2FHelsinki'])
})

test('what has not come to its end says so', async () => {
  answering([WRONG])
  await assert.rejects(bring('sites', 'x', {}, {}, never), /connection was cut/)
  answering([{ what: 'broken', problem: 'too many lines' }])
  await assert.rejects(bring('sites', 'x', {}, {}, never), /too many lines/)
})

test('a refusal is told in its own words, and an unreachable server in ours', async () => {
  globalThis.fetch = () => Promise.resolve(new Response(JSON.stringify({ detail: 'line 1: there is no column id', status: 422 }), { status: 422 }))
  await assert.rejects(bring('sites', 'x', {}, {}, never), /no column id/)
  globalThis.fetch = () => Promise.reject(new TypeError('Failed to fetch'))
  await assert.rejects(bring('sites', 'x', {}, {}, never), { name: 'Error', status: 0 })
})
