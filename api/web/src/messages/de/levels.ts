// What alerts of stock are called, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/levels.ts'

const words: Translation<typeof en> = {
  title_load: (shipment, door, what) => `Ladung von ${shipment}${door ? ` an ${door}` : ''}: ${what}`,
  load_wrong: (unit, more, of) => `${unit}${more ? ` und ${more} weitere` : ''} ${of ? `gehört zu ${of}` : 'gehört zu keiner Sendung'}`,
  load_missing: (unit, more, behind) => `${unit}${more ? ` und ${more} weitere` : ''} ${behind ? 'zurückgelassen' : 'nicht an Bord'}`,
  title_low: (label, left) => `Bestand niedrig: ${label}, noch ${left}`,
  title_out: (label) => `Nicht mehr da: ${label}`,
  title_soon_out: (label) => `Bald nicht mehr da: ${label}`,
  title_expiry: (label, left, lot, more) => `Verfällt ungenutzt: ${label}, ${left} der Charge ${lot}${more > 0 ? ` und ${more} weitere` : ''}`,
  between: (from, to) => `${from}–${to}`,
  not_before: (from) => `nicht vor ${from}`,
  out_expected: (left, at, reach) => (left ? `reicht noch etwa ${left}, bis ${at} (${reach})` : `reicht etwa bis ${at} (${reach})`),
}
export default words
