// Whether somebody may sign in, in words.
import { m } from '#messages/settings.ts'
import type { Account } from '#shared/api/shapes.ts'
import { clockTime } from '#shared/format.ts'

/** 'may sign in', 'invited until 14:05', 'shut out'. */
export function stateOf(person: Pick<Account, 'disabled_at' | 'has_password' | 'has_identity' | 'invited_until'>, now: number): string {
  if (person.disabled_at) return m.state_out
  const until = person.invited_until && Date.parse(person.invited_until) > now ? clockTime(person.invited_until, now) : ''
  if (person.has_password || person.has_identity) return until ? m.state_new_link(until) : m.state_in
  return until ? m.state_invited(until) : m.state_link_ended
}
