// What a receiver (webhook, channel, broker) is doing and what came of telling it, in words. Plain data in, so that it can be tested.
import type { ReceiverWords } from '#messages/en/receivers.ts'
import { m as shared } from '#messages/shared.ts'
import type { AttemptOut, Delivery } from '#shared/api/shapes.ts'
import { age, clockTime } from '#shared/format.ts'
import type { Doing } from '#shared/ui/state.ts'

/** What the three have in common. */
export interface Receiver {
  id: string
  url: string
  disabled_at: string | null
  disabled_why: string | null
  failures: number
  paused_until: string | null
  succeeded_at: string | null
  failed_at: string | null
  last_error: string | null
  waiting: number
  waiting_since: string | null
  given_up: number
}

/** One of the three: where it is, its words, what the API does with it. */
export interface Kind<R extends Receiver> {
  name: 'webhook' | 'channel' | 'broker'
  words: ReceiverWords
  /** What it is told, in short. */
  told: (of: R) => string
  /** Why something did not arrive, in plain words and with what to do; the error itself where there are none. */
  whyNot: (error: string, status: number | null) => string
  /** An attempt in a few words. */
  inShort: (attempt: Attempted) => string
  /** It answers with a status and words of its own. */
  answers?: true
  /** What is sent is shown as it is, not by its title. */
  plain?: true
  all: () => Promise<readonly R[]>
  test: (id: string, to?: string) => Promise<Delivery>
  disable: (id: string, disabled: boolean) => Promise<unknown>
  remove: (id: string) => Promise<unknown>
  deliveries: (id: string, query: { limit: number; state?: Exclude<Filter, ''> }) => Promise<readonly Delivery[]>
  delivery: (id: string, delivery: string) => Promise<Delivery>
  again: (id: string, delivery: string) => Promise<unknown>
  allAgain: (id: string) => Promise<{ asked: number }>
}
export type Attempted = Pick<AttemptOut, 'status' | 'error' | 'took_ms'>

export const FILTERS = ['', 'waiting', 'done', 'gave up'] as const
export type Filter = (typeof FILTERS)[number]

/** What it may be told, by group, as `types` has it. */
export const TYPES: Readonly<Record<string, readonly string[]>> = {
  alert: [
    'alert.opened', 'alert.cleared', 'alert.reopened', 'alert.changed', 'alert.retracted', 'alert.acknowledged', 'alert.resolved',
    'alert.assigned', 'alert.commented', 'alert.acted', 'alert.disposed', 'alert.countersigned', 'alert.sent_back', 'alert.superseded', 'alert.resumed', 'alert.muted', 'alert.unmuted',
  ],
  shipment: ['shipment.arrived', 'shipment.departed', 'shipment.called', 'shipment.call_revised', 'shipment.call_retracted'],
  order: [
    'order.accepted', 'order.allocated', 'order.deallocated', 'order.picked', 'order.put_back', 'order.packed', 'order.unpacked', 'order.loaded', 'order.unloaded',
    'order.delivered', 'order.refused', 'order.brought_back', 'order.returned', 'order.short', 'order.reopened', 'order.cancelled', 'order.withdrawn',
  ],
  delivery: ['delivery.completed', 'delivery.exception', 'delivery.amended'],
}
export const EVERYTHING = '*'
const NOWHERE = /^(.*): no host in the world/

/** 'everything', 'all of alerts, arrived at a stop', '3 of 7 of alerts'. */
export function toldWords(types: readonly string[], m: ReceiverWords): string {
  if (types.includes(EVERYTHING)) return m.told_everything
  const said: string[] = []
  for (const [group, all] of Object.entries(TYPES)) {
    const some = all.filter((each) => types.includes(each))
    if (types.includes(`${group}.*`) || some.length === all.length) said.push(m.told_all_of(group))
    else if (some.length > 2) said.push(m.told_some(some.length, all.length, group))
    else said.push(...some.map((each) => shared.mid_sentence(m.type(each))))
  }
  return said.join(', ')
}

/** What a receiver is doing. */
export function doing<R extends Receiver>(of: Receiver, { words: m, whyNot }: Pick<Kind<R>, 'words' | 'whyNot'>, now: number): Doing {
  const waits = of.waiting ? m.waits(of.waiting) : ''
  if (of.disabled_at) {
    const why = of.disabled_why ?? ''
    if (!why.startsWith('switched off by')) return { looks: 'bad', word: m.state_off, more: whyNot(why, statusOf(why)) }
    return { looks: 'off', word: m.state_paused, more: [m.paused_by(why), waits].filter(Boolean).join(', ') }
  }
  if (of.waiting && of.failures) {
    const again = of.paused_until && Date.parse(of.paused_until) > now ? m.asked_again(clockTime(of.paused_until, now)) : ''
    return { looks: 'wait', word: m.state_waiting(clockTime(of.waiting_since, now)), more: [waits, again, of.given_up ? m.state_given_up(of.given_up) : ''].filter(Boolean).join(', ') }
  }
  if (of.given_up) return { looks: 'bad', word: m.state_given_up(of.given_up), more: waits }
  if (!of.succeeded_at) return { looks: 'new', word: m.state_new, more: waits }
  return { looks: 'good', word: m.state_telling, more: waits }
}

/** 'delivered 3 min ago', 'failed 12 s ago', 'none yet'. */
export function lastWords(of: Pick<Receiver, 'succeeded_at' | 'failed_at'>, m: ReceiverWords, now: number): string {
  const [good, bad] = [Date.parse(of.succeeded_at ?? ''), Date.parse(of.failed_at ?? '')]
  if (Number.isNaN(good) && Number.isNaN(bad)) return m.never
  return Number.isNaN(bad) || good > bad ? m.arrived(age(of.succeeded_at, now)) : m.failed(age(of.failed_at, now))
}

/** How a delivery stands. */
export function standing(delivery: Pick<Delivery, 'state' | 'next_at' | 'attempts'>, m: ReceiverWords, now: number): Doing {
  if (delivery.state === 'done') return { looks: 'good', word: m.done, more: '' }
  if (delivery.state === 'gave up') return { looks: 'bad', word: m.gave_up, more: m.attempts(delivery.attempts) }
  const ahead = delivery.attempts > 0 && Date.parse(delivery.next_at ?? '') > now
  return { looks: 'wait', word: m.waiting, more: ahead ? m.again_at(clockTime(delivery.next_at, now)) : '' }
}

/** 'sent after 12 ms', 'no address in the world: 10.0.0.7'. */
export function inShort(attempt: Attempted, m: ReceiverWords): string {
  const nowhere = NOWHERE.exec(attempt.error ?? '')?.[1]
  if (nowhere !== undefined) return m.short_nowhere(nowhere)
  return attempt.error ?? `${m.done} ${m.took(attempt.took_ms)}`
}

/** 503 of '503 Service Unavailable'. */
export const statusOf = (error: string): number | null => Number(/^(\d{3})\b/.exec(error)?.[1]) || null

/** Why something did not arrive, where it is the same for all; undefined: each has words of its own. */
export function whyCommon(error: string, m: ReceiverWords): string | undefined {
  const nowhere = NOWHERE.exec(error)?.[1]
  if (nowhere !== undefined) return m.why_nowhere(nowhere)
  const tls = /^TLS: (.*)/.exec(error)?.[1]
  if (tls) return m.why_tls(tls.toLowerCase().replaceAll('_', ' '))
  const slow = /^no answer within ([\d.]+) s/.exec(error)?.[1]
  if (slow) return m.why_slow(slow)
  if (/connection refused/i.test(error)) return m.why_refused
  return /^too many wait/.test(error) ? m.why_surplus : undefined
}

/** The vehicle, shipment or device that something is about. */
export const aboutWhat = ({ data }: Pick<Delivery, 'data'>): string => [data['vehicle'], data['shipment'], data['device']].filter(Boolean).join(', ')

/** Where one sees what an event is about: 'alerts/17', 'shipments/S-1'. */
export function subjectHref(subject: string): string {
  const [kind, ...rest] = subject.split('/')
  const id = encodeURIComponent(rest.join('/'))
  return kind === 'alerts' ? `/alerts?alert=${id}` : kind === 'shipments' ? `/shipments?shipment=${id}` : ''
}
