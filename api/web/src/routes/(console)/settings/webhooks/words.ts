// What a webhook is doing, what it is told and why something did not arrive, in words. Plain data in, so that it can be tested.
import { m } from '#messages/webhooks.ts'
import type { AttemptOut, Delivery, Webhook } from '#shared/api/shapes.ts'
import { age, clockTime } from '#shared/format.ts'
import type { Doing } from '#shared/ui/state.ts'

/** What it may be told, by group, as `types` has it. */
export const TYPES: Readonly<Record<string, readonly string[]>> = {
  alert: ['alert.opened', 'alert.cleared', 'alert.reopened', 'alert.changed', 'alert.retracted', 'alert.acknowledged', 'alert.resolved'],
  shipment: ['shipment.arrived', 'shipment.departed', 'shipment.called', 'shipment.call_revised', 'shipment.call_retracted'],
}
export const EVERYTHING = '*'
const NOWHERE = /^(.*): no host in the world/

/** 'everything', 'all of alerts, arrived at a stop', '3 of 7 of alerts'. */
export function toldWords(types: readonly string[]): string {
  if (types.includes(EVERYTHING)) return m.told_everything
  const said: string[] = []
  for (const [group, all] of Object.entries(TYPES)) {
    const some = all.filter((each) => types.includes(each))
    if (types.includes(`${group}.*`) || some.length === all.length) said.push(m.told_all_of(group))
    else if (some.length > 2) said.push(m.told_some(some.length, all.length, group))
    else said.push(...some.map((each) => lower(m.type(each))))
  }
  return said.join(', ')
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** What a webhook is doing. */
export function doing(hook: Webhook, now: number): Doing {
  const waits = hook.waiting ? m.waits(hook.waiting) : ''
  if (hook.disabled_at) {
    const why = hook.disabled_why ?? ''
    if (!why.startsWith('switched off by')) return { looks: 'bad', word: m.state_off, more: whyNot(why, statusOf(why)) }
    return { looks: 'off', word: m.state_paused, more: [m.paused_by(why), waits].filter(Boolean).join(', ') }
  }
  if (hook.waiting && hook.failures) {
    const again = hook.paused_until && Date.parse(hook.paused_until) > now ? m.asked_again(clockTime(hook.paused_until, now)) : ''
    return { looks: 'wait', word: m.state_waiting(clockTime(hook.waiting_since, now)), more: [waits, again, hook.given_up ? m.state_given_up(hook.given_up) : ''].filter(Boolean).join(', ') }
  }
  if (hook.given_up) return { looks: 'bad', word: m.state_given_up(hook.given_up), more: waits }
  if (!hook.succeeded_at) return { looks: 'new', word: m.state_new, more: waits }
  return { looks: 'good', word: m.state_telling, more: waits }
}

/** 'delivered 3 min ago', 'failed 12 s ago', 'none yet'. */
export function lastWords(hook: Pick<Webhook, 'succeeded_at' | 'failed_at'>, now: number): string {
  const [good, bad] = [Date.parse(hook.succeeded_at ?? ''), Date.parse(hook.failed_at ?? '')]
  if (Number.isNaN(good) && Number.isNaN(bad)) return m.never
  return Number.isNaN(bad) || good > bad ? m.delivered(age(hook.succeeded_at, now)) : m.failed(age(hook.failed_at, now))
}

/** How a delivery stands. */
export function standing(delivery: Pick<Delivery, 'state' | 'next_at' | 'attempts'>, now: number): Doing {
  if (delivery.state === 'done') return { looks: 'good', word: m.done, more: '' }
  if (delivery.state === 'gave up') return { looks: 'bad', word: m.gave_up, more: m.attempts(delivery.attempts) }
  const ahead = delivery.attempts > 0 && Date.parse(delivery.next_at ?? '') > now
  return { looks: 'wait', word: m.waiting, more: ahead ? m.again_at(clockTime(delivery.next_at, now)) : '' }
}

/** '204 after 12 ms', 'no address in the world: 10.0.0.7'. */
export function inShort(attempt: Pick<AttemptOut, 'status' | 'error' | 'took_ms'>): string {
  const nowhere = NOWHERE.exec(attempt.error ?? '')?.[1]
  if (nowhere !== undefined) return m.short_nowhere(nowhere)
  return attempt.status ? `${answered(attempt)} ${m.test_took(attempt.took_ms)}` : answered(attempt)
}

/** '204', '503 Service Unavailable', 'no answer within 15 s'. */
export const answered = (attempt: Pick<AttemptOut, 'status' | 'error'>): string => attempt.error ?? String(attempt.status ?? '')

/** 503 of '503 Service Unavailable'. */
export const statusOf = (error: string): number | null => Number(/^(\d{3})\b/.exec(error)?.[1]) || null

const STATUSES: readonly [(status: number) => boolean, string][] = [
  [(s) => s >= 300 && s < 400, m.why_redirect],
  [(s) => s === 401 || s === 403 || s === 407, m.why_door],
  [(s) => s === 404, m.why_path],
  [(s) => s === 405, m.why_method],
  [(s) => s === 410, m.why_gone],
  [(s) => s === 408 || s === 425 || s === 429 || s === 503, m.why_busy],
  [(s) => s >= 500, m.why_broken],
  [(s) => s >= 400, m.why_large],
]

/** Why something did not arrive, in plain words and with what to do; the error itself where there are none. */
export function whyNot(error: string, status: number | null = null): string {
  const nowhere = NOWHERE.exec(error)?.[1]
  if (nowhere !== undefined) return m.why_nowhere(nowhere)
  if (/^url: https/.test(error)) return m.why_http
  const port = /^url: port (\d+)/.exec(error)?.[1]
  if (port) return m.why_port(port)
  const tls = /^TLS: (.*)/.exec(error)?.[1]
  if (tls) return m.why_tls(tls.toLowerCase().replaceAll('_', ' '))
  const slow = /^no answer within ([\d.]+) s/.exec(error)?.[1]
  if (slow) return m.why_slow(slow)
  if (/refused/i.test(error)) return m.why_refused
  if (/^an answer of more/.test(error)) return m.why_long
  if (/^too many wait/.test(error)) return m.why_surplus
  return (status && STATUSES.find(([fits]) => fits(status))?.[1]) || error
}

const INSIDE = /^(localhost|.*\.(local|internal|lan|home\.arpa)|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|\[(::1|f[cd]|fe80))/i

/** What is to be known of an address while it is typed, before anything is sent there. */
export function urlHint(text: string): string {
  let url: URL
  try {
    url = new URL(text.trim())
  } catch {
    return ''
  }
  if (INSIDE.test(url.host)) return m.url_inside
  return url.protocol === 'http:' ? m.url_http : ''
}

/** Where one sees what an event is about: 'alerts/17', 'shipments/S-1'. */
export function subjectHref(subject: string): string {
  const [kind, ...rest] = subject.split('/')
  const id = encodeURIComponent(rest.join('/'))
  return kind === 'alerts' ? `/alerts?alert=${id}` : kind === 'shipments' ? `/shipments?shipment=${id}` : ''
}
