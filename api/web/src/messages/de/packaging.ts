import type { Translation } from '../catalogue.ts'
import type en from '../en/packaging.ts'

const KINDS: Readonly<Record<string, string>> = { carton: 'Karton', tote: 'Behälter', pallet: 'Palette' }
const CLASSES: Readonly<Record<string, string>> = { ambient: 'ungekühlt', chilled: 'gekühlt', frozen: 'tiefgekühlt' }
const CAUSES: Readonly<Record<string, string>> = {
  no_size: 'die Größe ist nicht bekannt', no_mass: 'die Masse ist nicht bekannt', part: 'Teil eines Stücks', many: 'kommt dran, wenn anderes gepackt ist',
  no_packaging: 'es gibt keine Verpackung', no_class: 'keine Verpackung ist für seine Temperatur', too_big: 'zu groß für jede Verpackung',
  too_heavy: 'zu schwer für das, was groß genug ist', too_full: 'füllt eine Verpackung mehr, als sie gefüllt werden darf',
}

const words: Translation<typeof en> = {
  title: 'Verpackung',
  orders: 'Aufträge',
  asking: 'Verpackungen werden erfragt …',
  unread: 'Verpackungen sind nicht lesbar',
  try_again: 'Noch einmal',
  none: 'Noch keine Verpackung',
  none_text: 'Nehmen Sie Kartons, Behälter und Paletten mit ihren Innenmaßen auf: die Seite zum Packen schlägt dann vor, welche Ware wohin kommt.',
  make: 'Neue Verpackung',
  change: (name) => `${name} ändern`,
  save: 'Speichern',
  code: 'Code',
  name: 'Name',
  kind_label: 'Art',
  kind: (name) => KINDS[name] ?? name,
  inside: 'Innen',
  length: 'Länge innen (mm)',
  width: 'Breite innen (mm)',
  height: 'Höhe innen (mm); bei Paletten, wie hoch Ware stehen darf',
  load: 'Höchste Zuladung (kg)',
  tare: 'Eigene Masse (kg)',
  fill: 'Höchste Füllung (%)',
  classes: 'Nur für',
  temp_class: (name) => CLASSES[name] ?? name,
  size: (length, width, height) => `${length} × ${width} × ${height} mm`,
  carries: (kg) => `trägt ${kg} kg`,
  at_most: (share) => `höchstens ${share} gefüllt`,
  remove: 'Löschen',
  remove_title: (name) => `${name} löschen?`,
  remove_text: 'Sie wird nicht mehr vorgeschlagen. Was gepackt ist, bleibt gepackt.',
  apart: 'Was nicht zusammen stehen darf',
  apart_text: 'Zwei Wörter je Zeile, mit Komma: Lebensmittel, Säure. Ein Wort allein: nicht zwei Stück davon. Ein Produkt hat sein Wort als „apart“.',
  apart_saved: 'Gespeichert',
  proposed: 'Vorschlag zum Packen',
  many: (n, what) => (n === 1 ? what : `${n} × ${what}`),
  full: (share) => `${share} gefüllt`,
  weighs: (goods, most, gross) => `${goods} von ${most} kg, mit Verpackung ${gross} kg`,
  layers: (n) => (n === 1 ? '1 Lage' : `${n} gleiche Lagen`),
  so: (unit) => `So in ${unit} packen`,
  kept_apart: (names, skus) => `Nicht zusammen: ${names} (${skus})`,
  left: 'Nicht vorgeschlagen',
  cause: (name) => CAUSES[name] ?? name,
  add_packaging: 'Verpackung aufnehmen',
  tell_sizes: 'Größen und Massen der Produkte angeben',
  nothing: 'Nichts lässt sich vorschlagen',
  nothing_text: 'Noch hat niemand angegeben, worin Ware gepackt wird, oder wie groß und schwer sie ist.',
}
export default words
