// How channels are typed, what the API does with them, what is said of them. Plain data in, so that it can be tested.
import { m } from '#messages/channels.ts'
import { api, ask } from '#shared/api/client.ts'
import type { Channel } from '#shared/api/shapes.ts'
import { inShort, whyCommon } from '#shared/receivers/words.ts'
import type { Kind } from '#shared/receivers/words.ts'

/** Kinds as they are offered, with an address to begin from; mail has fields of its own. */
export const KINDS: Readonly<Record<string, string>> = {
  mail: '',
  twilio: 'twilio://AccountSID:AuthToken@+12025550100/{to}',
  sms: 'vonage://ApiKey:ApiSecret@+12025550100/{to}',
  teams: 'workflows://WorkflowHost:443/WorkflowID/Signature',
  slack: 'slack://TokenA/TokenB/TokenC',
  telegram: 'tgram://BotToken/ChatID',
  browser: '',
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

/** Why something did not get through, with what to do; its own words where they say all. */
export function whyNot(error: string): string {
  if (/no host in the world/.test(error)) return m.why_nobody
  if (/error=40[13]\b|\(535,/.test(error)) return m.why_door
  return whyCommon(error, m) ?? error
}

/** What a channel tells. */
export const tells = (channel: Channel): string => (channel.for_customers ? m.tells_customers : m.tells_of(channel.alerts, channel.cleared))

const at = (id: string) => ({ params: { path: { channel_id: id } } })
const of = (id: string, notice: string) => ({ params: { path: { channel_id: id, notice_id: notice } } })

export const kind: Kind<Channel> = {
  name: 'channel',
  words: m,
  told: tells,
  whyNot,
  inShort: (attempt) => inShort(attempt, m),
  all: async () => (await ask(api.GET('/api/v1/channels', { params: { query: { limit: 1000 } } }))).items,
  test: (id, to) => ask(api.POST('/api/v1/channels/{channel_id}/test', { ...at(id), body: to ? { to } : {} })),
  disable: (id, disabled) => ask(api.PATCH('/api/v1/channels/{channel_id}', { ...at(id), body: { disabled } })),
  remove: (id) => ask(api.DELETE('/api/v1/channels/{channel_id}', at(id))),
  deliveries: async (id, query) => (await ask(api.GET('/api/v1/channels/{channel_id}/deliveries', { params: { ...at(id).params, query } }))).items,
  delivery: (id, notice) => ask(api.GET('/api/v1/channels/{channel_id}/deliveries/{notice_id}', of(id, notice))),
  again: (id, notice) => ask(api.POST('/api/v1/channels/{channel_id}/deliveries/{notice_id}/redeliver', of(id, notice))),
  allAgain: (id) => ask(api.POST('/api/v1/channels/{channel_id}/redeliver', at(id))),
}
