// Webhooks, in German: other systems are told what happens.
import type { Translation } from '../catalogue.ts'
import type en from '../en/webhooks.ts'
import { receivers } from './receivers.ts'

const shared = receivers({ receiver: 'Webhook', receivers: 'Webhooks', article: 'einem Webhook', one: 'Ereignis', many: 'Ereignisse', last: 'Letztes Ereignis', done: 'zugestellt' })

const words: Translation<typeof en> = {
  ...shared,
  title: 'Webhooks',
  what: 'Andere Systeme erfahren, was hier geschieht: Alarme, Ankünfte, Abfahrten, Aufträge, Übergaben, und was verspätete Messwerte daran berichtigen.',
  none_text: 'Fügen Sie die Adresse eines Systems hinzu, das von Alarmen oder Ankünften erfahren soll, und probieren Sie sie mit dem Test aus.',
  last: 'Letzte Zustellung',
  log: 'Zustellungen',

  url_what: 'Wo es zuhört, etwa https://erp.example.org/frostway.',
  url_http: 'Mit http geht es nur in einem eigenen Netz, das FROSTWAY_WEBHOOK_NETWORKS nennt; im Internet braucht es https.',
  url_inside: 'Eine Adresse im eigenen Netz wird nur erreicht, wenn der Betreiber von Frostway das Netz in FROSTWAY_WEBHOOK_NETWORKS nennt: sonst käme jeder mit einem Webhook hinein.',

  secret_of: (name) => `Das Geheimnis von ${name}`,
  secret_text: 'Es wird nur jetzt gezeigt. Geben Sie es dem System, das zuhört: damit erkennt es, dass eine Nachricht von hier kommt.',
  secret_until: (until) => `Es wird nur jetzt gezeigt. Bis ${until} unterschreibt das bisherige mit: geben Sie das neue vorher dem System, das zuhört.`,
  secret: 'Geheimnis',
  rotate: 'Neues Geheimnis',
  rotate_question: (name) => `Ein neues Geheimnis für ${name}?`,
  rotate_text: '24 Stunden lang unterschreiben beide, damit nichts abgelehnt wird, während Sie es dort austauschen. Danach ist das bisherige nichts mehr wert.',
  both_until: (until) => `Bis ${until} unterschreiben zwei Geheimnisse.`,

  again_text: (n) => `${shared.count(n)}, in ihrer Reihenfolge, jedes mit seiner bisherigen webhook-id: wer es schon hat, erkennt es wieder.`,

  verify: 'So erkennt die Gegenseite, dass es von hier kommt',
  verify_text: 'Jede Nachricht ist mit dem Geheimnis nach „Standard Webhooks“ unterschrieben. Prüfen Sie den Body, wie er ankam, bevor Sie ihn lesen; Bibliotheken gibt es für viele Sprachen.',
  verify_after: 'Antworten Sie innerhalb von 15 Sekunden mit 2xx und merken Sie sich die webhook-id: ein Ereignis kann zweimal kommen, unter derselben Nummer. Alles Weitere steht in docs/webhooks.md.',
  verify_libraries: 'Standard Webhooks: Bibliotheken',
  verify_rest: 'Webhooks per REST',

  why_http: 'Im Internet braucht es https: bei http könnte jeder unterwegs mitlesen.',
  why_port: (port) => `Port ${port} ist für Webhooks im Internet gesperrt: 443 und 8443 sind offen.`,
  why_slow: (seconds) => `Keine Antwort innerhalb von ${seconds} Sekunden. Es sollte erst antworten und danach tun, was lange dauert.`,
  why_long: 'Die Antwort ist zu lang. Am besten ist 204 ohne Body.',
  why_redirect: 'Es verweist woandershin, und Weiterleitungen wird nicht gefolgt: nehmen Sie die Adresse, auf die es zeigt.',
  why_door: 'Es verlangt eine Anmeldung. Es sollte stattdessen die Unterschrift prüfen.',
  why_path: 'Unter diesem Pfad ist nichts. Stimmt die Adresse?',
  why_method: 'Unter diesem Pfad wird kein POST angenommen.',
  why_large: 'Es nimmt nicht an, was gesendet wird. Mehr dazu sagt sein eigenes Protokoll.',
  why_gone: 'Es will nichts mehr (410), deshalb wurde der Webhook abgeschaltet.',
  why_busy: 'Es meldet, dass es ausgelastet ist; es wird später wieder versucht.',
  why_broken: 'Es ist gestört oder nicht da; es wird später wieder versucht.',
}
export default words
