// What people say to one another, and shifts that are handed over, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/talk.ts'

const SECTIONS: Readonly<Record<string, string>> = { alerts: 'Alarme', orders: 'Aufträge', shipments: 'Sendungen', waves: 'Wellen', counts: 'Zählungen' }
const STATUSES: Readonly<Record<string, string>> = {
  in_transit: 'unterwegs', open: 'offen', allocated: 'zu kommissionieren', picked: 'kommissioniert', packed: 'gepackt', loaded: 'auf dem Fahrzeug', returning: 'auf dem Rückweg',
  planned: 'geplant', releasing: 'wird freigegeben', released: 'freigegeben', assigned: 'vergeben', counted: 'gezählt', warning: 'Warnung', critical: 'kritisch',
}

const words: Translation<typeof en> = {
  title: 'Übergabe',
  site: 'Standort',
  all_sites: 'Alle Standorte',
  asking: 'Offenes wird gelesen…',
  section: (name) => SECTIONS[name] ?? name,
  status: (name) => STATUSES[name] ?? name,
  nothing_open: 'Nichts ist offen',
  nothing_open_text: 'Kein Alarm, kein Auftrag, keine Sendung, keine Welle und keine Zählung wartet hier auf jemanden.',
  for_me: 'Für Sie',
  all_read: 'Ich habe es gelesen',
  leave: 'Was Sie der nächsten Schicht hinterlassen',
  hand_over: 'Übergeben',
  handed_over: 'Übergeben, mit dem, was jetzt offen ist',
  left: 'Was hinterlassen wurde',
  remarks: 'Bemerkungen',
  say: 'Etwas sagen; @Name spricht jemanden an',
  send: 'Sagen',
  nothing_said: 'Noch hat niemand etwas gesagt.',
  taken_back: 'zurückgenommen',
  take_back: 'Zurücknehmen',
  follow: 'Folgen',
  following: 'Sie folgen dem',
}
export default words
