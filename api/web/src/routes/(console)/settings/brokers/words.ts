// What the API does with brokers, and what is said of them. Plain data in, so that it can be tested.
import { m } from '#messages/brokers.ts'
import { api, ask } from '#shared/api/client.ts'
import type { Broker } from '#shared/api/shapes.ts'
import { age } from '#shared/format.ts'
import { inShort, toldWords, whyCommon } from '#shared/receivers/words.ts'
import type { Kind } from '#shared/receivers/words.ts'

const WHY: readonly [RegExp, string][] = [
  [/^url: mqtts/, m.why_mqtts],
  [/sealed with another secret/, m.why_sealed],
  [/does not take this user|does not let this user in/, m.why_login],
  [/may not publish there|takes no such topic/, m.why_topic],
  [/keeps nothing/, m.why_keep],
  [/too large/, m.why_large],
  [/is busy|quota is used up|is not to be had/, m.why_busy],
  [/is no MQTT|speaks neither MQTT/, m.why_other],
]

/** Why something was not taken, in plain words and with what to do; the error itself where there are none. */
export function whyNot(error: string): string {
  const port = /^url: port (\d+)/.exec(error)?.[1]
  if (port) return m.why_port(port)
  return whyCommon(error, m) ?? WHY.find(([fits]) => fits.test(error))?.[1] ?? error
}

/** 'off', '12 vehicles and devices, told 5 s ago', and why nothing could be told. */
export function homeWords(broker: Pick<Broker, 'home_assistant' | 'announced' | 'announced_at' | 'announce_error' | 'last_error'>, now: number): string {
  const { home_assistant, announced, announced_at, announce_error, last_error } = broker
  const why = !announce_error ? '' : announce_error === last_error ? m.home_neither : whyNot(announce_error)
  if (!home_assistant) return announced ? [m.home_ending(announced), why].filter(Boolean).join(' ') : m.home_off
  if (!announced_at && !announced) return why || m.home_begins
  return [m.home_on(announced, announced_at ? age(announced_at, now) : m.never), why].filter(Boolean).join('. ')
}

/** A word as a shell takes it. */
export const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** A line that listens to all that is published: what is typed into a terminal where Mosquitto's programs are. */
export function listenLine({ url, prefix, signs_in }: Pick<Broker, 'url' | 'prefix' | 'signs_in'>): string {
  const { protocol, hostname, port } = new URL(url)
  const tls = protocol === 'mqtts:'
  const parts = ['mosquitto_sub', '-h', quoted(hostname.replace(/^\[(.*)\]$/, '$1')), '-p', port || (tls ? '8883' : '1883')]
  if (tls) parts.push('--capath', '/etc/ssl/certs')
  if (signs_in) parts.push('-u', 'USER', '-P', 'PASSWORD')
  return [...parts, '-q', '1', '-v', '-t', `'${prefix.replaceAll("'", `'\\''`)}/#'`].join(' ')
}

const at = (id: string) => ({ params: { path: { broker_id: id } } })
const of = (id: string, event: string) => ({ params: { path: { broker_id: id, event_id: event } } })

export const kind: Kind<Broker> = {
  name: 'broker',
  words: m,
  told: ({ types }) => toldWords(types, m),
  whyNot,
  inShort: (attempt) => inShort(attempt, m),
  plain: true,
  all: async () => (await ask(api.GET('/api/v1/brokers', { params: { query: { limit: 1000 } } }))).items,
  test: (id) => ask(api.POST('/api/v1/brokers/{broker_id}/test', at(id))),
  disable: (id, disabled) => ask(api.PATCH('/api/v1/brokers/{broker_id}', { ...at(id), body: { disabled } })),
  remove: (id) => ask(api.DELETE('/api/v1/brokers/{broker_id}', at(id))),
  deliveries: async (id, query) => (await ask(api.GET('/api/v1/brokers/{broker_id}/deliveries', { params: { ...at(id).params, query } }))).items,
  delivery: (id, event) => ask(api.GET('/api/v1/brokers/{broker_id}/deliveries/{event_id}', of(id, event))),
  again: (id, event) => ask(api.POST('/api/v1/brokers/{broker_id}/deliveries/{event_id}/redeliver', of(id, event))),
  allAgain: (id) => ask(api.POST('/api/v1/brokers/{broker_id}/redeliver', at(id))),
}
