// Files, in German: what people bring and take along.
import type { Translation } from '../catalogue.ts'
import type en from '../en/files.ts'

const grouped = (n: number): string => n.toLocaleString('en-GB').replaceAll(',', '\u202f')
const KINDS: Readonly<Record<string, string>> = {
  products: 'Artikel',
  vehicles: 'Fahrzeuge',
  sites: 'Standorte',
  shipments: 'Sendungen',
  customers: 'Kunden',
  orders: 'Aufträge',
  sales: 'Frühere Verkäufe',
  devices: 'Geräte',
  stock: 'Bestand',
  alerts: 'Alarme, alle',
}
const COLUMNS: Readonly<Record<string, string>> = {
  products: 'sku, label, unit_mass_kg, low_c, high_c, reorder_point, gtin, gross_mass_kg, length_mm, width_mm, height_mm, temp_class, apart',
  vehicles: 'id, label, class, fleet, model, load_capacity_kg, volume_capacity_m3, pallet_capacity, fuel_type, nominal_fuel_lph, tags',
  sites: 'id, label, kind, lat, lon, radius_m, dwell_s, tz',
  shipments: 'shipment, reference, customer, vehicle, profile, stop, site (oder name mit lat und lon), window_start, window_end',
  customers: 'id, label, min_life_days',
  sales: 'site, sku, day, quantity, in_stock',
  orders: 'order, customer, ship_to, site, reference, priority, window_start, window_end, note, sku, quantity, unit',
}

const words: Translation<typeof en> = {
  bring: 'Datei einlesen',
  bring_what: 'CSV, Excel (.xlsx) oder JSON-Zeilen, bis zu einer Million Zeilen. Sie wird erst durchgesehen; gespeichert wird nichts, bevor Sie es sagen.',
  kind: 'Was darin steht',
  kind_of: (kind) => KINDS[kind] ?? kind,
  columns: 'Spalten',
  columns_of: (kind) => COLUMNS[kind] ?? '',
  columns_what: 'Die erste Zeile nennt die Spalten. Was fehlt, bleibt, wie es ist.',
  zone: (zone) => `Zeiten ohne Angabe der Zone werden in ${zone} gelesen.`,
  drop: 'Datei hier ablegen oder auswählen',
  looking: 'Wird durchgesehen',
  bringing: 'Wird eingelesen',
  progress: (lines, wrong) => `Zeile ${grouped(lines)}${wrong ? `, ${grouped(wrong)} falsch` : ''}`,
  stop: 'Anhalten',
  stopped: 'Angehalten. Was schon eingelesen ist, bleibt; dieselbe Datei macht dort weiter, wo sie war.',
  would: (created, changed, same, wrong) => `${grouped(created)} neu, ${grouped(changed)} anders als hier, ${grouped(same)} gleich, ${grouped(wrong)} falsch.`,
  came: (created, changed, same, wrong) => `${grouped(created)} eingelesen, ${grouped(changed)} geändert, ${grouped(same)} waren gleich, ${grouped(wrong)} blieben draußen.`,
  change: (n) => `Die ${grouped(n)} ändern, die hier anders sind`,
  bring_in: (n) => `${grouped(n)} einlesen`,
  nothing: 'Nichts einzulesen',
  take_back: (n) => `Die ${grouped(n)} eingelesenen zurücknehmen`,
  cancel_those: (n) => `Die ${grouped(n)} eingelesenen stornieren`,
  file_taken_back: 'mit der Datei zurückgenommen',
  orders_whole: 'Ein Auftrag kommt ganz herein oder gar nicht; einer, der schon hier ist, wird nicht geändert.',
  taking_back: (n, of) => `Wird zurückgenommen: ${grouped(n)} von ${grouped(of)}`,
  taken_back: (gone, stay) => `${grouped(gone)} sind wieder weg.${stay ? ` ${grouped(stay)} bleiben: sie sind in Gebrauch.` : ''}`,
  wrong: 'Was falsch ist',
  line: 'Zeile',
  name: 'Name',
  problem: 'Fehler',
  wrong_more: (n) => `und ${grouped(n)} weitere`,
  save_wrong: 'Fehler speichern',
  cut_off: 'Die Verbindung brach ab. Was schon eingelesen ist, bleibt; senden Sie die Datei erneut, sie macht dort weiter.',

  take: 'Liste mitnehmen',
  take_what: (zone) => `Alles, wie es jetzt ist. Zeiten in ${zone}; keine Zelle wird in einer Tabelle ausgeführt.`,
  take_of: (kind, form) => `${KINDS[kind] ?? kind} als ${form}`,
  save_as: 'Alles speichern als',
}
export default words
