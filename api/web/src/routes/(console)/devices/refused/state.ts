// What became of a refused message, in words.
import { m } from '#messages/refused.ts'
import type { Refusal } from '#shared/api/shapes.ts'
import { age } from '#shared/format.ts'

export function stateOf(message: Refusal, now: number): string {
  if (message.redriven_at) return m.read(age(message.redriven_at, now))
  if (message.asked_at) return m.asked
  return message.attempts ? m.still(message.attempts) : m.waits
}
