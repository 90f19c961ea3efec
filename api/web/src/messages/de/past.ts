// A profile tried on what was, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/past.ts'

const cases = (n: number): string => (n === 1 ? '1 Fall' : `${n} Fälle`)

const words: Translation<typeof en> = {
  title: 'An Vergangenem erproben',
  what: 'Welche Fälle dies aus den gespeicherten Messwerten gemeldet hätte, neben denen, die gemeldet wurden. Geändert wird dadurch nichts.',
  span: 'Wie weit zurück',
  days: (n) => `${n} Tage`,
  devices: 'Geräte, durch Kommas getrennt',
  devices_what: 'Ein Profil, das es noch nicht gibt, hat keine eigenen Geräte.',
  run: 'Erproben',
  again: 'Noch einmal erproben',
  stop: 'Anhalten',
  running: (done, all) => (all ? `${done} von ${all} Geräten` : 'Wird gefragt …'),
  stopped: (done, all) => `Angehalten nach ${done} von ${all} Geräten.`,
  number: 'Erst berichtigen, was keine Zahl ist.',

  none_has: 'Kein Gerät hat dieses Profil: Es gibt nichts, woran es zu erproben wäre.',
  no_readings: 'In dieser Zeit wurde nichts gemessen.',
  nothing: 'Es hätte nichts gemeldet, und gemeldet wurde nichts.',
  summary: (fresh, same, gone) => `${cases(fresh)} mehr, ${cases(gone)} weniger, ${same} wie gehabt.`,
  measured: (probes, readings, from, to) => `${probes === 1 ? '1 Fühler' : `${probes} Fühler`}, ${readings} Messwerte, ${from} bis ${to}.`,
  zone: (zone) => `Zeiten in ${zone}.`,
  changed: 'Seit dem Erproben hat sich etwas geändert.',

  how: (how) => ({ new: 'neu', same: 'gleich', gone: 'entfällt' })[how] ?? how,
  plot: 'Wann Fälle gemeldet wurden, und wann sie gemeldet worden wären; die Tabelle darunter sagt dasselbe',
  as_it_was: 'wie es war',
  would_be: 'hiermit',
  table: 'Fälle, erprobt und wie sie waren',
  when: 'Wann',
  where: 'Wo',
  difference: 'Unterschied',
  would: 'Hiermit',
  did: 'Wie es war',
  none: 'keiner',
  lasts: 'dauert an',
  too: (kind) => (kind === 'below' ? 'zu kalt' : 'zu warm'),
  case: (severity, extreme, limit, time) => `${severity}: ${extreme}, Grenze ${limit}, ${time}`,
  alarm: (time) => `Alarm ${time}`,
  show_all: (n) => `Alle ${n} zeigen`,
}
export default words
