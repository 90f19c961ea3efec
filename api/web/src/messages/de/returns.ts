// Returns, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/returns.ts'

const STATES: Readonly<Record<string, string>> = { all: 'Alle', announced: 'angekündigt', received: 'gesperrt', decided: 'entschieden', cancelled: 'storniert' }
const CONDITIONS: Readonly<Record<string, string>> = { unknown: 'weiß niemand', unopened: 'ungeöffnet', opened: 'geöffnet', damaged: 'beschädigt' }
const ORIGINS: Readonly<Record<string, string>> = { delivered: 'geliefert', returning: 'abgelehnt, auf dem Rückweg' }
const DECISIONS: Readonly<Record<string, string>> = { restock: 'Wieder verkaufen', rework: 'Aufarbeiten und später entscheiden', destroy: 'Vernichten' }
const DECIDED: Readonly<Record<string, string>> = { restock: 'wird wieder verkauft', rework: 'wird aufgearbeitet', destroy: 'vernichtet' }
const WHY: Readonly<Record<string, string>> = {
  indeterminate: 'Gesperrt: Es ist zu kühlen, und niemand weiß, wie warm es beim Kunden war.',
  unbroken: 'Gesperrt: Es war immer auf unseren Fahrzeugen, aber jemand muss es ansehen.',
  not_needed: 'Gesperrt: Es ist nicht zu kühlen, aber jemand muss es ansehen.',
}

const returns: Translation<typeof en> = {
  title: 'Retouren',
  orders: 'Aufträge',
  return: 'Retoure',
  order: 'Auftrag',
  customer: 'Kunde',
  status: 'Stand',
  cancel: 'Es kommt doch nichts zurück',
  cancel_why: 'Warum',
  state: (name) => STATES[name] ?? name,
  condition: 'Zustand',
  condition_of: (name) => CONDITIONS[name] ?? name,
  origin: (name) => ORIGINS[name] ?? name,
  line_count: (n) => (n === 1 ? '1 Zeile' : `${n} Zeilen`),
  only_of: (order) => `Nur die von ${order}`,
  all_orders: 'Die aller Aufträge zeigen',
  asking: 'Retouren werden gelesen…',
  unread: 'Die Retouren konnten nicht gelesen werden',
  try_again: 'Noch einmal',
  more: 'Nur die neuesten Retouren sind zu sehen: wählen Sie einen Stand.',
  none: 'Noch keine Retouren',
  none_text: 'Was ein Kunde zurücksendet, wird hier aus dem Gelieferten angekündigt, durch Scannen angenommen und ist gesperrt, bis jemand entschieden hat.',
  none_fits: 'Keine Retoure passt',
  none_fits_text: 'Wählen Sie einen anderen Stand.',
  close: 'Schließen',
  by: (who) => `von ${who}`,
  scan: 'Scannen Sie, was gekommen ist: den Namen einer Retoure, ein Produkt, eine Charge oder eine gesperrte Einheit.',
  scan_line: (what, name) => `${what} von ${name}`,
  scan_none: 'Keine Retoure, die zu sehen ist, erwartet das.',
  announce: 'Retoure ankündigen',
  announce_which: 'Auftrag (Suche nach Name oder Referenz)',
  announce_nothing: 'Nichts davon kann zurückkommen: es ist nichts geliefert, oder alles ist schon angekündigt.',
  announce_name: 'Name der Retoure',
  announce_some: 'Sagen Sie mindestens bei einer Zeile, wie viel zurückkommt.',
  announced: (name) => `${name} ist angekündigt`,
  quantity: (most) => `Wie viel kommt zurück, höchstens ${most}`,
  reason: 'Warum',
  note: 'Bemerkung',
  receive: 'Annehmen',
  receive_title: (what) => `${what} annehmen`,
  received_many: (most) => `Wie viel ist gekommen, höchstens ${most}`,
  lot: 'Charge',
  lot_unknown: 'nicht bekannt',
  site: 'Liegt in',
  zone: 'Zone',
  whole_site: 'der Ort, ohne Zone',
  rode: 'Kam zurück auf',
  rode_none: 'Niemand hat gemeldet, auf welchem Fahrzeug es war.',
  received: (unit) => `Es ist gesperrt als ${unit}`,
  lies: (unit, where) => `${unit}, ${where}`,
  on_hold: (custody) => WHY[custody] ?? 'Gesperrt: Jemand muss es ansehen.',
  came: (n, of) => `${n} von ${of} sind gekommen`,
  decide: 'Entscheiden',
  decide_title: (what) => `Was wird aus ${what}?`,
  decision: 'Entscheidung',
  decision_of: (name) => DECISIONS[name] ?? name,
  decided_as: (name) => DECIDED[name] ?? name,
  put_to: 'Kommt nach',
  sure_destroy: (what) => `${what} wird abgeschrieben. Das lässt sich nicht zurücknehmen.`,
  sure_restock: (who) => `Niemand weiß, wie warm es bei ${who} war. Es kann sofort verkauft werden.`,
  yes: 'Ja, so machen',
  decided: (what) => `Entschieden: ${what}`,
}
export default returns
