// How channels are typed, what they are doing and why something did not get through. Plain data in, so that it can be tested.
import { m } from '#messages/channels.ts'
import type { Channel, Delivery } from '#shared/api/shapes.ts'
import { age, clockTime } from '#shared/format.ts'
import type { Doing } from '#shared/ui/state.ts'

/** Kinds as they are offered, with an address to begin from; mail has fields of its own. */
export const KINDS: Readonly<Record<string, string>> = {
  mail: '',
  twilio: 'twilio://AccountSID:AuthToken@+12025550100/{to}',
  sms: 'vonage://ApiKey:ApiSecret@+12025550100/{to}',
  teams: 'workflows://WorkflowHost:443/WorkflowID/Signature',
  slack: 'slack://TokenA/TokenB/TokenC',
  telegram: 'tgram://BotToken/ChatID',
  ntfy: 'ntfys://a-topic-nobody-guesses',
  own: 'jsons://user:password@gateway.example.org/path',
  other: '',
}
/** Those that can reach a customer by an address of theirs. */
export const FOR_CUSTOMERS: readonly string[] = ['mail', 'twilio', 'sms', 'own', 'other']
const SOMEBODY = '+358401234567'

/** The address that a kind begins from. */
export const exampleOf = (kind: string, customers: boolean): string => {
  const text = KINDS[kind] ?? ''
  if (customers) return text.includes('{to}') || !text ? text : `${text}/{to}`
  return text.replace('{to}', SOMEBODY)
}

export interface Mail {
  host: string
  user: string
  password: string
  from: string
  to: string
}

/** The address of a mail channel: `mailtos://ann%40example.org:p%40ss@smtp.example.org:587?from=…&to=…`. */
export function mailAddress(mail: Mail, customers: boolean): string {
  const part = encodeURIComponent
  const who = mail.user ? `${part(mail.user)}${mail.password ? `:${part(mail.password)}` : ''}@` : ''
  const to = customers
    ? '{to}'
    : mail.to
        .split(/[,;]/)
        .map((each) => part(each.trim()))
        .filter(Boolean)
        .join(',')
  return `mailtos://${who}${mail.host.trim()}?from=${part(mail.from.trim())}&to=${to}`
}

/** What a channel is doing. */
export function doing(channel: Channel, now: number): Doing {
  const waits = channel.waiting ? m.waits(channel.waiting) : ''
  if (channel.disabled_at) {
    const why = channel.disabled_why ?? ''
    const byHand = why.startsWith('switched off by')
    return { looks: byHand ? 'off' : 'bad', word: byHand ? m.state_paused : m.state_off, more: [m.by(why), waits].filter(Boolean).join(', ') }
  }
  if (channel.failures) {
    const again = Date.parse(channel.paused_until ?? '') > now ? m.asked_again(clockTime(channel.paused_until, now)) : ''
    return { looks: 'bad', word: m.state_failing, more: [waits, again].filter(Boolean).join(', ') }
  }
  if (channel.waiting) return { looks: 'wait', word: m.waiting, more: waits }
  return channel.succeeded_at ? { looks: 'good', word: m.state_telling, more: '' } : { looks: 'new', word: m.state_new, more: '' }
}

/** How a message stands. */
export function standing(delivery: Pick<Delivery, 'state' | 'next_at' | 'attempts'>, now: number): Doing {
  if (delivery.state === 'done') return { looks: 'good', word: m.done, more: '' }
  if (delivery.state === 'gave up') return { looks: 'bad', word: m.gave_up, more: '' }
  const ahead = delivery.attempts > 0 && Date.parse(delivery.next_at ?? '') > now
  return { looks: 'wait', word: m.waiting, more: ahead ? m.again_at(clockTime(delivery.next_at, now)) : '' }
}

/** 'arrived 3 min ago', 'failed 12 s ago', 'none yet'. */
export function lastWords(channel: Pick<Channel, 'succeeded_at' | 'failed_at'>, now: number): string {
  const [good, bad] = [Date.parse(channel.succeeded_at ?? ''), Date.parse(channel.failed_at ?? '')]
  if (Number.isNaN(good) && Number.isNaN(bad)) return m.never
  return Number.isNaN(bad) || good > bad ? m.arrived(age(channel.succeeded_at, now)) : m.failed(age(channel.failed_at, now))
}

/** Why something did not get through, with what to do; empty where its own words say all. */
export function whyNot(error: string): string {
  if (/no host in the world/.test(error)) return m.why_nowhere
  if (/error=40[13]\b|\(535,/.test(error)) return m.why_door
  return /^connection refused$/i.test(error) ? m.why_refused : ''
}

/** What a channel tells. */
export const tells = (channel: Channel): string => (channel.for_customers ? m.tells_customers : m.tells_of(channel.alerts, channel.cleared))

/** Where one sees what a message is about: 'alerts/17', 'shipments/S-1'. */
export function subjectHref(subject: string): string {
  const [kind, ...rest] = subject.split('/')
  const id = encodeURIComponent(rest.join('/'))
  return kind === 'alerts' ? `/alerts?alert=${id}` : kind === 'shipments' ? `/shipments?shipment=${id}` : ''
}
