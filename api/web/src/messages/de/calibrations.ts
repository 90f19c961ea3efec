// When probes were calibrated, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/calibrations.ts'

const words: Translation<typeof en> = {
  title: 'Kalibrierung',
  none: 'Noch ist kein Fühler bekannt: Der erste Messwert nennt ihn.',
  unread: 'Die Kalibrierungen ließen sich nicht laden',
  unknown: 'nicht bekannt',
  state: (state) => ({ valid: 'gültig', due_soon: 'bald fällig', overdue: 'überfällig', unknown: 'ohne Fälligkeit' })[state] ?? state,
  due: (day, left) => `fällig am ${day}, in ${left}`,
  was_due: (day, ago) => `war am ${day} fällig, vor ${ago}`,
  days: (n) => (n === 1 ? '1 Tag' : `${n} Tagen`),
  on: (day) => `kalibriert am ${day}`,
  certificate: (number) => `Zertifikat ${number}`,
  offset: (degrees) => `berichtigt um ${degrees}`,
  said_by: (who) => `gesagt von ${who}`,
  edit: 'Ändern',
  edit_of: (probe) => `Kalibrierung von ${probe}`,
  save: 'Speichern',
  leave_it: 'Abbrechen',
  field_calibrated: 'Kalibriert am',
  field_due: 'Wieder fällig am',
  field_certificate: 'Zertifikat, Nummer oder Ablage',
  field_class: 'Genauigkeitsklasse, etwa EN 12830 Klasse 1',
  field_offset: (unit) => `Wird zum Messwert addiert, ${unit}`,
  number: 'eine Zahl, etwa -0,3',
  what: 'Für Messwerte von jetzt an; was gemessen ist, bleibt, wie es gelesen wurde.',
  remove: 'Vergessen',
  saved: (probe) => `Die Kalibrierung von ${probe} ist gespeichert.`,
  removed: (probe) => `Die Kalibrierung von ${probe} ist vergessen.`,
  put_back: 'Zurücknehmen',
  warn: (overdue, soon) => [overdue ? `${overdue === 1 ? '1 Kalibrierung ist' : `${overdue} Kalibrierungen sind`} überfällig` : '', soon ? `${soon} ${soon === 1 ? 'wird' : 'werden'} in 30 Tagen fällig` : ''].filter(Boolean).join('; ') + ':',
  more: (n) => `und ${n} weitere`,
}
export default words
