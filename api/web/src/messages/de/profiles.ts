// Temperature profiles, in German: the limits that devices and shipments are held to.
import type { Translation } from '../catalogue.ts'
import type en from '../en/profiles.ts'

const devices = (n: number): string => (n === 1 ? '1 Gerät' : `${n} Geräte`)
const shipments = (n: number): string => (n === 1 ? '1 Sendung' : `${n} Sendungen`)
const has = (d: number, s: number): string => [d ? devices(d) : '', s ? shipments(s) : ''].filter(Boolean).join(', ')

const words: Translation<typeof en> = {
  title: 'Temperaturprofile',
  what: 'Grenzwerte für das, was befördert wird. Ein Gerät oder eine Sendung mit Profil löst Alarm aus, wenn sie zu lange überschritten sind.',
  table: 'Temperaturprofile, Tabelle',
  add: 'Profil anlegen',
  none: 'Noch keine Grenzwerte',
  none_text: (limits) => `Ohne Grenzwerte ist keine Temperatur zu warm oder zu kalt. Legen Sie ein Profil an und geben Sie es einem Thermometer; ein neues Kühlaggregat oder Thermometer bekommt von selbst ${limits}.`,
  name: 'Name',
  limits: 'Grenzwerte',
  rule: 'Alarm',
  users: 'Verwendet von',
  back: 'Alle Profile',
  unread: 'Das ließ sich nicht laden',
  try_again: 'Erneut versuchen',
  asking: 'Wird geladen …',
  gone: (name) => `Es gibt kein Profil ${name}`,
  retired_too: 'Auch stillgelegte',
  retired: 'stillgelegt',

  after: (time) => `nach ${time} außerhalb`,
  over: (degrees) => `beendet, wenn ${degrees} innerhalb`,
  gap: (time) => `Lücke, wenn ${time} nichts kam`,
  used_by: (d, s) => has(d, s) || 'niemandem',
  drawn: (name, limits, degrees) => `${name}: ${limits}; ein Alarm endet ${degrees} innerhalb`,

  devices: 'Geräte mit diesem Profil',
  devices_none: 'Kein Gerät hat es. Bis dahin löst es nichts aus.',
  devices_left: (n) => `und ${n} weitere`,
  shipments: 'Sendungen unterwegs mit diesem Profil',
  give: 'Einem Gerät geben',
  give_device: 'Gerät',
  give_what: 'Anstelle des Profils, das es jetzt hat.',
  given: (device, profile) => `${device} hat jetzt ${profile}.`,
  given_many: (n, profile) => `${devices(n)}: jetzt ${profile}.`,
  given_not: (n, why) => `${devices(n)} konnten es nicht bekommen: ${why}`,
  put_back: 'Rückgängig',

  copy: 'Kopie mit anderen Grenzwerten',
  copy_of: (name) => `Eine Kopie von ${name}`,
  copy_what: 'Was nach einem Profil entschieden wurde, bleibt so. Seine Grenzwerte ändern sich nicht: eine Kopie hat andere und tritt an seine Stelle.',
  copy_give: (d, name) => `Den ${d === 1 ? '1 Gerät' : `${d} Geräten`} geben, die jetzt ${name} haben`,
  id_what: 'a-z, 0-9, - und _',
  low: (unit) => `Nicht unter, ${unit}`,
  high: (unit) => `Nicht über, ${unit}`,
  one_limit: 'Eines davon darf leer bleiben.',
  for_min: 'Alarm nach, Minuten außerhalb',
  hysteresis: (unit) => `Beendet, wenn innerhalb um, ${unit}`,
  interval: 'Lücke, wenn nichts kam für, Minuten',
  number: 'eine Zahl, etwa 4,5',
  save: 'Anlegen',
  made: (name) => `${name} ist angelegt.`,
  leave_it: 'Abbrechen',

  rename: 'Umbenennen',
  rename_what: 'Neuer Name; wer es hat, behält es',
  renamed: (name) => `Es heißt jetzt ${name}.`,
  retire: 'Stilllegen',
  retire_of: (name) => `${name} stilllegen?`,
  retire_none: 'Niemand hat es.',
  retire_has: (d, s) => `${has(d, s)} ${d + s === 1 ? 'hat es und behält' : 'haben es und behalten'} es.`,
  retire_text: 'Nichts Neues bekommt es. Es lässt sich wiederherstellen.',
  retired_done: (name) => `${name} ist stillgelegt.`,
  restore: 'Wiederherstellen',
  restored_done: (name) => `${name} ist wieder da.`,
  delete: 'Löschen',
  delete_of: (name) => `${name} löschen?`,
  delete_text: 'Niemand hat es, nichts wurde danach entschieden. Es ist endgültig weg.',
  deleted_done: (name) => `${name} ist gelöscht.`,
}
export default words
