// Webhooks: other systems are told what happens.
import { receivers } from './receivers.ts'

const words = receivers({ receiver: 'webhook', receivers: 'webhooks', one: 'event', many: 'events', done: 'delivered' })

export default {
  ...words,
  title: 'Webhooks',
  what: 'Other systems are told what happens here: alerts, arrivals, departures, orders, deliveries, and what readings that came late correct in them.',
  none_text: 'Add the address of a system that is to know of alerts or arrivals, then try it with its test button.',
  last: 'Last delivery',
  log: 'Deliveries',

  url_what: 'Where it listens, as https://erp.example.org/frostway.',
  url_http: 'With http it works only in a network of your own that FROSTWAY_WEBHOOK_NETWORKS names; out in the world it takes https.',
  url_inside: 'An address inside is reached only if whoever runs Frostway has named its network in FROSTWAY_WEBHOOK_NETWORKS: otherwise anybody with a webhook could reach into it.',

  secret_of: (name: string) => `The secret of ${name}`,
  secret_text: 'It is shown only now. Give it to the system that listens: with it that system sees that what comes is from here.',
  secret_until: (until: string) => `It is shown only now. Until ${until} the former one signs beside it: give the new one to the system that listens before then.`,
  secret: 'Secret',
  rotate: 'New secret',
  rotate_question: (name: string) => `A new secret for ${name}?`,
  rotate_text: 'For 24 hours both sign, so that nothing is refused while you change it over there. After that the former one is worth nothing.',
  both_until: (until: string) => `Two secrets sign until ${until}.`,

  again_text: (n: number) => `${words.count(n)}, in their order, each under its own webhook-id: who has it already knows it again.`,

  verify: 'How the other side sees that it is from here',
  verify_text: 'Each message is signed with the secret as Standard Webhooks say. Verify the body as it came, before reading it; there are libraries for many languages.',
  verify_after: 'Answer 2xx within 15 seconds, and know webhook-id again: an event may come twice, under the same number. docs/webhooks.md has all of it.',
  verify_libraries: 'Standard Webhooks: libraries',
  verify_rest: 'Webhooks by REST',

  why_http: 'Out in the world it takes https: with http anybody on the way could read it.',
  why_port: (port: string) => `Port ${port} is shut to webhooks out in the world: 443 and 8443 are open.`,
  why_slow: (seconds: string) => `No answer within ${seconds} seconds. It should answer first and do afterwards what takes long.`,
  why_long: 'Its answer is too long. A 204 without a body is best.',
  why_redirect: 'It points elsewhere, and redirects are not followed: use the address it points to.',
  why_door: 'It asks for a sign-in. It should look at the signature instead.',
  why_path: 'There is nothing at this path. Is the address right?',
  why_method: 'It takes no POST at this path.',
  why_large: 'It does not take what is sent. Its own log says why.',
  why_gone: 'It wants nothing more (410), so the webhook was switched off.',
  why_busy: 'It says that it is too busy; it is asked again later.',
  why_broken: 'It is broken or away; it is asked again later.',
}
