// Whom a customer's link tells of milestones, and how far that has come.
import { m } from '#messages/shipment.ts'
import type { Share } from '#shared/api/shapes.ts'
import { age, clockTime } from '#shared/format.ts'

/** Lines to be shown; none where it tells nobody. */
export function toldBy({ tell, browsers }: Pick<Share, 'tell' | 'browsers'>, now: number): string[] {
  return [...(tell ? [byAddress(tell, now)] : []), ...(browsers ? [m.tells_browsers(browsers)] : [])]
}

function byAddress(tell: NonNullable<Share['tell']>, now: number): string {
  if (tell.muted_at) return m.told_muted(tell.to, clockTime(tell.muted_at, now))
  if (!tell.channel) return m.told_no_channel(tell.to)
  const far = tell.messages ? m.told(tell.messages, age(tell.told_at, now)) : m.told_nothing
  return [m.tells(tell.to, tell.channel), far, tell.last_error ?? ''].filter(Boolean).join(' · ')
}
