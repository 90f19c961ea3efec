// Labels that are printed, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/labels.ts'

const OF: Readonly<Record<string, string>> = {
  products: 'Artikel', lots: 'Chargen', sites: 'Orte', zones: 'Zonen', bins: 'Fächer', handling_units: 'Einheiten',
}
const SHEETS: Readonly<Record<string, string>> = {
  'a4-24': 'A4, 24 Etiketten 70 × 37 mm', 'a4-8': 'A4, 8 Etiketten 105 × 74 mm', roll: 'Rolle, 100 × 50 mm', a6: 'Transportetikett, A6',
}
const CODES: Readonly<Record<string, string>> = { both: 'Strichcode und QR', bars: 'Strichcode (GS1-128)', qr: 'QR (GS1 Digital Link)' }

const de: Translation<typeof en> = {
  print: 'Etiketten drucken',
  what: 'Wofür',
  what_of: (of, n) => (n === undefined ? `${OF[of] ?? of}, alle hier` : `${OF[of] ?? of} (${n})`),
  sheet: 'Gedruckt auf',
  sheet_of: (sheet) => SHEETS[sheet] ?? sheet,
  start: 'Erster freier Platz auf dem Bogen',
  copies: 'Von jedem',
  codes: 'Codes',
  codes_of: (codes) => CODES[codes] ?? codes,
  prefix: 'Ihre GS1-Basisnummer, für Transponder (darf leer bleiben)',
  preview: 'Die erste Seite',
  asking: 'Wird gezeichnet…',
  open: 'PDF öffnen',
  undrawn: (n) => `${n === 1 ? 'Ein Name hat' : `${n} Namen haben`} Zeichen, die keine Schrift des Servers hat: dort steht nur der Code.`,
  true_size: 'Mit 100 % drucken, nicht an die Seite angepasst: sonst werden die Codes zu klein.',
}

export default de
