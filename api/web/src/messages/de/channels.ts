// Channels, in German: people are told, by mail, SMS, chat and push.
import type { Translation } from '../catalogue.ts'
import type en from '../en/channels.ts'
import { receivers } from './receivers.ts'

const shared = receivers({ receiver: 'Kanal', receivers: 'Kanäle', article: 'einem Kanal', one: 'Nachricht', many: 'Nachrichten', last: 'Letzte Nachricht', done: 'gesendet' })
const KINDS: Readonly<Record<string, string>> = {
  mail: 'E-Mail',
  twilio: 'SMS über Twilio',
  sms: 'SMS über einen anderen Dienst',
  teams: 'Microsoft Teams',
  slack: 'Slack',
  telegram: 'Telegram',
  browser: 'Dieser Browser',
  ntfy: 'ntfy: Push auf Telefone',
  own: 'Ein eigener Server',
  other: 'Ein anderer Dienst',
}
const HOW: Readonly<Record<string, string>> = {
  mail: 'Was Sie in ein Mailprogramm eintragen würden, um E-Mails zu senden.',
  browser: 'Mitteilungen auf diesem Telefon oder Rechner, auch wenn keine Seite offen ist. Der Browser fragt, ob er darf.',
  twilio: 'Account SID, Token, die Nummer des Absenders, die Nummer des Empfängers.',
  sms: 'vonage://, clicksend://, 46elks://, seven://, plivo://, sns://, smseagles:// und andere, in der Schreibweise von Apprise.',
  teams: 'In Teams: Workflows des Kanals, „Beim Empfang einer Webhook-Anforderung in einem Kanal posten“. Fügen Sie ein, was hinter https:// der Adresse steht.',
  slack: 'In Slack: eine App mit eingehendem Webhook. Die drei Teile am Ende der Adresse.',
  telegram: 'Das Token von BotFather und die Nummer des Chats.',
  ntfy: 'Das Thema, das die Telefone abonnieren: wer den Namen kennt, liest mit, also wählen Sie ihn lang.',
  own: 'Er bekommt Titel und Nachricht als JSON per POST.',
  other: 'Discord, WhatsApp, Webex, Matrix, PagerDuty, Pushover und andere: die Adresse in der Schreibweise von Apprise.',
}
const GROUPS: Readonly<Record<string, string>> = { mail: 'E-Mail', sms: 'SMS', chat: 'Chat', push: 'Push', own: 'eigener Server' }
const TYPES: Readonly<Record<string, string>> = {
  'alert.opened': 'Alarm',
  'alert.reopened': 'Alarm erneut',
  'alert.cleared': 'Alarm beendet',
  'alert.retracted': 'Alarm zurückgenommen',
  escalation: 'Alarm über eine Route',
  milestone: 'Meilenstein',
  test: 'Test',
}

const words: Translation<typeof en> = {
  ...shared,
  title: 'Kanäle',
  what: 'Menschen erfahren davon: Mitarbeiter von Alarmen per E-Mail, SMS oder Chat; Kunden von den Meilensteinen ihrer Sendungen.',
  none_text: 'Fügen Sie einen Kanal hinzu und senden Sie einen Test: dann erreicht der nächste kritische Alarm auch den, der nicht auf den Bildschirm sieht.',
  name_what: 'a bis z, 0 bis 9, - und _. Sagen Sie, wen er erreicht.',
  told: 'Meldet',
  type: (type) => TYPES[type] ?? type,
  service: (group) => GROUPS[group] ?? group,
  tells_of: (alerts, cleared) => ({ critical: `kritische Alarme${cleared ? ' und ihr Ende' : ''}`, all: `alle Alarme${cleared ? ' und ihr Ende' : ''}` })[alerts] ?? 'nichts',
  tells_customers: 'Kunden: Meilensteine',
  language: 'Sprache',
  languages: (code) => ({ en: 'English', fi: 'suomi', de: 'Deutsch' })[code] ?? code,
  zone: 'Zeitzone',

  kind: 'Art',
  kind_of: (kind) => KINDS[kind] ?? kind,
  how: (kind) => HOW[kind] ?? '',
  services: 'Schreibweise der einzelnen Dienste',
  push_unable: 'Dieser Browser kann keine Mitteilungen empfangen: die Seite muss über https kommen, und auf einem iPhone erst auf dem Home-Bildschirm liegen.',
  push_denied: 'Mitteilungen dieser Seite sind nicht erlaubt: erlauben Sie sie in den Einstellungen des Browsers und versuchen Sie es erneut.',
  push_away: 'Der Push-Dienst des Browsers antwortet nicht. Ist dieser Rechner im Internet?',
  url: 'Adresse',
  url_new: 'Neue Adresse, falls es eine andere ist',
  url_kept: 'Sie ist versiegelt und kann nicht wieder gezeigt werden. Lassen Sie das Feld leer, um sie zu behalten.',
  url_sealed: 'Sie enthält Passwörter und wird deshalb versiegelt: danach sind nur Art und Server zu sehen.',
  url_to: 'Schreiben Sie {to}, wo die Adresse des Kunden hingehört.',
  host: 'Mailserver',
  user: 'Benutzer',
  password: 'Passwort',
  from: 'Von',
  to: 'An',
  to_what: 'Mehrere mit Komma getrennt.',
  for_whom: 'Wen er erreicht',
  for_staff: 'Unsere Mitarbeiter, über Alarme',
  for_customers: 'Kunden, über ihre Sendungen',
  for_customers_what: 'Links zu einer Sendung können dann eine Adresse nennen, die über diesen Kanal informiert wird.',
  alerts: 'Über welche Alarme',
  routed: 'Routen entscheiden, welche Alarme, wann und wie oft.',
  routed_which: 'Wer wann erfährt',
  routed_form: 'Es gibt Routen: Sie entscheiden, welche Alarme gemeldet werden. Was hier gewählt ist, zählt nur ohne sie.',
  alerts_critical: 'kritische',
  alerts_all: 'alle, auch Warnungen',
  cleared: 'Auch wenn sie vorbei sind',

  test_whom: 'Ein Test geht an',
  test_whom_hint: 'Ihre eigene Adresse oder Nummer',
  test_good: 'Angenommen. Sehen Sie nach, ob es angekommen ist.',
  test_bad: 'Nicht angenommen.',
  why_nobody: 'Der Server hat keine Adresse im Internet. Einer im eigenen Netz wird nur erreicht, wenn der Betreiber von Frostway sein Netz in FROSTWAY_WEBHOOK_NETWORKS nennt.',
  why_door: 'Benutzer, Passwort oder Token stimmen nicht.',

  resumed: (name) => `${name} meldet wieder.`,
  remove_text: (n) => `Er meldet niemandem mehr etwas, das Protokoll geht verloren${n ? `, ebenso was wartet (${shared.count(n)})` : ''}. Das lässt sich nicht rückgängig machen.`,
  remove_customers: 'Kunden, deren Links ihn nennen, erfahren nichts mehr.',
}
export default words
