// Channels: people are told, by mail, SMS, chat and push.
import { receivers } from './receivers.ts'

const words = receivers({ receiver: 'channel', receivers: 'channels', one: 'message', many: 'messages', done: 'sent' })
const KINDS: Readonly<Record<string, string>> = {
  mail: 'E-mail',
  twilio: 'SMS by Twilio',
  sms: 'SMS by another service',
  teams: 'Microsoft Teams',
  slack: 'Slack',
  telegram: 'Telegram',
  ntfy: 'ntfy: push to telephones',
  own: 'A server of our own',
  other: 'Another service',
}
const HOW: Readonly<Record<string, string>> = {
  mail: 'What you would type into a mail program to send mail.',
  twilio: 'Account SID, token, the number it comes from, the number it goes to.',
  sms: 'vonage://, clicksend://, 46elks://, seven://, plivo://, sns://, smseagles:// and others, as Apprise writes them.',
  teams: 'In Teams: the channel’s Workflows, “Post to a channel when a webhook request is received”. Paste what stands behind https:// of its address.',
  slack: 'In Slack: an app with an incoming webhook. The three parts at the end of its address.',
  telegram: 'The token that BotFather gave, and the number of the chat.',
  ntfy: 'The topic to which the telephones listen: whoever knows its name reads it, so make it long.',
  own: 'It gets title and message as JSON by POST.',
  other: 'Discord, WhatsApp, Webex, Matrix, PagerDuty, Pushover and others: the address as Apprise writes it.',
}
const GROUPS: Readonly<Record<string, string>> = { mail: 'e-mail', sms: 'SMS', chat: 'chat', push: 'push', own: 'own server' }
const TYPES: Readonly<Record<string, string>> = {
  'alert.opened': 'Alert',
  'alert.reopened': 'Alert again',
  'alert.cleared': 'Alert over',
  'alert.retracted': 'Alert withdrawn',
  milestone: 'Milestone',
  test: 'Test',
}

export default {
  ...words,
  title: 'Channels',
  what: 'People are told: of alerts by mail, SMS or chat; customers of the milestones of their shipments.',
  none_text: 'Add a channel, send a test, and the next critical alert finds somebody who is not looking at a screen.',
  name_what: 'a to z, 0 to 9, - and _. Say whom it reaches.',
  told: 'Tells',
  type: (type: string) => TYPES[type] ?? type,
  service: (group: string) => GROUPS[group] ?? group,
  tells_of: (alerts: string, cleared: boolean) => ({ critical: `critical alerts${cleared ? ' and their end' : ''}`, all: `all alerts${cleared ? ' and their end' : ''}` })[alerts] ?? 'nothing',
  tells_customers: 'customers: milestones',
  language: 'Language',
  languages: (code: string) => ({ en: 'English', fi: 'suomi', de: 'Deutsch' })[code] ?? code,
  zone: 'Time zone',

  kind: 'Kind',
  kind_of: (kind: string) => KINDS[kind] ?? kind,
  how: (kind: string) => HOW[kind] ?? '',
  services: 'How each service is written',
  url: 'Address',
  url_new: 'New address, if it is another one',
  url_kept: 'It is sealed and cannot be shown again. Leave this empty to keep it.',
  url_sealed: 'It holds passwords, so it is sealed: afterwards only its kind and server are shown.',
  url_to: 'Write {to} where the customer’s own address belongs.',
  host: 'Mail server',
  user: 'User',
  password: 'Password',
  from: 'From',
  to: 'To',
  to_what: 'Several by commas.',
  for_whom: 'Whom it tells',
  for_staff: 'Our people, of alerts',
  for_customers: 'Customers, of their shipments',
  for_customers_what: 'Links to a shipment can then name an address that is told by this channel.',
  alerts: 'Of which alerts',
  alerts_critical: 'critical ones',
  alerts_all: 'all, warnings too',
  cleared: 'Also when they are over',

  test_whom: 'A test goes to',
  test_whom_hint: 'your own address or number',
  test_good: 'It was taken. Look whether it has arrived.',
  test_bad: 'It was not taken.',
  why_nobody: 'Its server is at no address in the world. One inside is reached only if whoever runs Frostway names its network in FROSTWAY_WEBHOOK_NETWORKS.',
  why_door: 'User, password or token are not right.',

  resumed: (name: string) => `${name} tells again.`,
  remove_text: (n: number) => `It tells nobody any more, its log is gone${n ? `, and what waits (${words.count(n)}) too` : ''}. This cannot be taken back.`,
  remove_customers: 'Customers whose links name it are told nothing more.',
}
