// Files: what people bring and take along.
const grouped = (n: number): string => n.toLocaleString('en-GB').replaceAll(',', '\u202f')
const KINDS: Readonly<Record<string, string>> = {
  products: 'Products',
  vehicles: 'Vehicles',
  sites: 'Sites',
  shipments: 'Shipments',
  customers: 'Customers',
  orders: 'Orders',
  devices: 'Devices',
  stock: 'Stock',
  alerts: 'Alerts, all',
}
const COLUMNS: Readonly<Record<string, string>> = {
  products: 'sku, label, unit_mass_kg, low_c, high_c, reorder_point, gtin, gross_mass_kg, length_mm, width_mm, height_mm, temp_class, apart',
  vehicles: 'id, label, class, fleet, model, load_capacity_kg, volume_capacity_m3, pallet_capacity, fuel_type, nominal_fuel_lph, tags',
  sites: 'id, label, kind, lat, lon, radius_m, dwell_s, tz',
  shipments: 'shipment, reference, customer, vehicle, profile, stop, site or name with lat and lon, window_start, window_end',
  customers: 'id, label, min_life_days',
  orders: 'order, customer, ship_to, site, reference, priority, window_start, window_end, note, sku, quantity, unit',
}

export default {
  bring: 'Bring a file',
  bring_what: 'CSV, Excel (.xlsx) or JSON lines, up to a million lines. It is looked through first; nothing is stored until you say so.',
  kind: 'What is in it',
  kind_of: (kind: string) => KINDS[kind] ?? kind,
  columns: 'Columns',
  columns_of: (kind: string) => COLUMNS[kind] ?? '',
  columns_what: 'The first line names the columns. Those that are left out stay as they are.',
  zone: (zone: string) => `Times without an offset are read in ${zone}.`,
  drop: 'Drop a file here, or choose one',
  looking: 'Looking through it',
  bringing: 'Bringing it in',
  progress: (lines: number, wrong: number) => `Line ${grouped(lines)}${wrong ? `, ${grouped(wrong)} wrong` : ''}`,
  stop: 'Stop',
  stopped: 'Stopped. What has come in stays; the same file goes on where it was.',
  would: (created: number, changed: number, same: number, wrong: number) =>
    `${grouped(created)} new, ${grouped(changed)} otherwise than here, ${grouped(same)} the same, ${grouped(wrong)} wrong.`,
  came: (created: number, changed: number, same: number, wrong: number) =>
    `${grouped(created)} came in, ${grouped(changed)} changed, ${grouped(same)} were the same, ${grouped(wrong)} stayed out.`,
  change: (n: number) => `Change the ${grouped(n)} that are here otherwise`,
  bring_in: (n: number) => `Bring in ${grouped(n)}`,
  nothing: 'Nothing to bring in',
  take_back: (n: number) => `Take back the ${grouped(n)} that came in`,
  cancel_those: (n: number) => `Cancel the ${grouped(n)} that came in`,
  file_taken_back: 'taken back with the file',
  orders_whole: 'An order comes in whole or not at all; one that is here already is not changed.',
  taking_back: (n: number, of: number) => `Taking back: ${grouped(n)} of ${grouped(of)}`,
  taken_back: (gone: number, stay: number) => `${grouped(gone)} are gone again.${stay ? ` ${grouped(stay)} stay: they are in use.` : ''}`,
  wrong: 'What is wrong',
  line: 'Line',
  name: 'Name',
  problem: 'Problem',
  wrong_more: (n: number) => `and ${grouped(n)} more`,
  save_wrong: 'Save what is wrong',
  cut_off: 'The connection was cut. What has come in stays; send the file again, it goes on where it was.',

  take: 'Take a list along',
  take_what: (zone: string) => `All of it, as it is now. Times in ${zone}; no cell runs in a spreadsheet.`,
  take_of: (kind: string, form: string) => `${KINDS[kind] ?? kind} as ${form}`,
  save_as: 'Save all as',
}
