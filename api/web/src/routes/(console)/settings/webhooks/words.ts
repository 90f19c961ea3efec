// What the API does with webhooks, and what is said of them. Plain data in, so that it can be tested.
import { m } from '#messages/webhooks.ts'
import { api, ask } from '#shared/api/client.ts'
import type { Webhook } from '#shared/api/shapes.ts'
import { inShort as inShortOf, toldWords, whyCommon } from '#shared/receivers/words.ts'
import type { Attempted, Kind } from '#shared/receivers/words.ts'

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
  const common = whyCommon(error, m)
  if (common) return common
  if (/^url: https/.test(error)) return m.why_http
  const port = /^url: port (\d+)/.exec(error)?.[1]
  if (port) return m.why_port(port)
  if (/^an answer of more/.test(error)) return m.why_long
  return (status && STATUSES.find(([fits]) => fits(status))?.[1]) || error
}

/** '204 after 12 ms', 'no address in the world: 10.0.0.7'. */
export const inShort = (attempt: Attempted): string => (attempt.status ? `${attempt.error ?? attempt.status} ${m.took(attempt.took_ms)}` : inShortOf(attempt, m))

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

const at = (id: string) => ({ params: { path: { webhook_id: id } } })
const of = (id: string, delivery: string) => ({ params: { path: { webhook_id: id, delivery_id: delivery } } })

export const kind: Kind<Webhook> = {
  name: 'webhook',
  words: m,
  told: ({ types }) => toldWords(types, m),
  whyNot,
  inShort,
  answers: true,
  plain: true,
  all: async () => (await ask(api.GET('/api/v1/webhooks', { params: { query: { limit: 1000 } } }))).items,
  test: (id) => ask(api.POST('/api/v1/webhooks/{webhook_id}/test', at(id))),
  disable: (id, disabled) => ask(api.PATCH('/api/v1/webhooks/{webhook_id}', { ...at(id), body: { disabled } })),
  remove: (id) => ask(api.DELETE('/api/v1/webhooks/{webhook_id}', at(id))),
  deliveries: async (id, query) => (await ask(api.GET('/api/v1/webhooks/{webhook_id}/deliveries', { params: { ...at(id).params, query } }))).items,
  delivery: (id, delivery) => ask(api.GET('/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}', of(id, delivery))),
  again: (id, delivery) => ask(api.POST('/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver', of(id, delivery))),
  allAgain: (id) => ask(api.POST('/api/v1/webhooks/{webhook_id}/redeliver', at(id))),
}
