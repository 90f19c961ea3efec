// Proofs of delivery and drivers' links, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/delivery.ts'

const OUTCOMES: Readonly<Record<string, string>> = {
  delivered: 'Geliefert', partly: 'Teilweise geliefert', refused: 'Abgelehnt', nobody_there: 'Niemand da', closed: 'Geschlossen',
}
const FLAGS: Readonly<Record<string, string>> = {
  away: 'nicht am Stopp gemacht', clock: 'die Uhr des Telefons ging vor', elsewhere: 'ein Auftrag war für einen anderen Stopp geplant',
}
const FATES: Readonly<Record<string, string>> = { accepted: 'angenommen', short: 'fehlen', damaged: 'beschädigt', refused: 'abgelehnt' }
const STATES: Readonly<Record<string, string>> = { active: 'gültig', expired: 'abgelaufen', revoked: 'widerrufen' }
const VERDICTS: Readonly<Record<string, string>> = { in_range: 'im Bereich', excursion: 'hat den Bereich verlassen', indeterminate: 'nicht für die ganze Zeit bekannt', no_data: 'nicht gemessen' }

const words: Translation<typeof en> = {
  proofs: 'Liefernachweise',
  none: 'Von den Stopps ist noch nichts gemeldet.',
  unread: 'Nachweise konnten nicht gelesen werden',
  outcome: (name) => OUTCOMES[name] ?? name,
  flag: (name) => FLAGS[name] ?? name,
  by: (who, when) => `${who}, ${when}`,
  late: (when) => `kam ${when} zu uns`,
  received_by: (name) => `Angenommen von ${name}`,
  signature_of: (name) => `Unterschrift von ${name}`,
  photo: 'Foto vom Stopp',
  unsigned: (why) => `Nicht unterschrieben: ${why}`,
  missing: (n) => (n === 1 ? '1 Bild ist noch nicht da' : `${n} Bilder sind noch nicht da`),
  fate: (name) => FATES[name] ?? name,
  distance: (far) => `${far} vom Stopp`,
  leg: (verdict, low, high, mean) => `Temperatur unterwegs: ${VERDICTS[verdict] ?? verdict}${low ? `, ${low} bis ${high}, kinetisches Mittel ${mean}` : ''}`,
  typed: (temp) => `${temp} von Hand`,
  seal: (number) => `Plombe ${number}`,
  revision: (n, why) => `Fassung ${n}: ${why}`,
  pdf: 'PDF',
  more: 'Temperaturen',
  correct: 'Berichtigen',
  correct_title: 'Was doch daraus geworden ist',
  correct_text: 'Was vorher gesagt wurde, bleibt. Die Stände des Auftrags und der Bestand folgen dem, was Sie jetzt sagen.',
  receiver: 'Wer die Ware genommen hat',
  reason_line: 'Warum nicht angenommen',
  why: 'Warum es berichtigt wird',
  save: 'Speichern',
  corrected: 'Berichtigt',
  links: 'Link für den Fahrer',
  links_text: 'Wer ihn hat, sieht diese Sendung wie ihr Fahrer, auf dem Telefon und ohne Netz, und meldet, was aus den Stopps geworden ist.',
  driver: 'Fahrer',
  make: 'Link machen',
  copy: 'Kopieren',
  copied: 'Kopiert.',
  copy_it: 'Kopieren Sie ihn aus dem Feld.',
  scan: 'Mit dem Telefon des Fahrers scannen',
  link: 'Link, nur einmal gezeigt',
  state: (name) => STATES[name] ?? name,
  until: (when) => `bis ${when}`,
  used: (when) => `benutzt ${when}`,
  unused: 'noch nicht benutzt',
  revoke: 'Widerrufen',
  revoke_title: (who) => `Den Link von ${who} widerrufen?`,
  revoke_text: 'Er öffnet nichts mehr. Was mit ihm gemeldet ist, bleibt; was nicht gesendet ist, bleibt auf dem Telefon.',
}

export default words
