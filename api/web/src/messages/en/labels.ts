// Labels that are printed.
const OF: Readonly<Record<string, string>> = {
  products: 'Products', lots: 'Lots', sites: 'Places', zones: 'Zones', bins: 'Bins', handling_units: 'Units',
}
const SHEETS: Readonly<Record<string, string>> = {
  'a4-24': 'A4, 24 labels of 70 × 37 mm', 'a4-8': 'A4, 8 labels of 105 × 74 mm', roll: 'Roll, 100 × 50 mm', a6: 'Logistic label, A6',
}
const CODES: Readonly<Record<string, string>> = { both: 'Bars and QR', bars: 'Bars (GS1-128)', qr: 'QR (GS1 Digital Link)' }

export default {
  print: 'Print labels',
  what: 'What for',
  what_of: (of: string, n: number | undefined) => (n === undefined ? `${OF[of] ?? of}, all here` : `${OF[of] ?? of} (${n})`),
  sheet: 'Printed on',
  sheet_of: (sheet: string) => SHEETS[sheet] ?? sheet,
  start: 'First free place on the sheet',
  copies: 'Of each',
  codes: 'Codes',
  codes_of: (codes: string) => CODES[codes] ?? codes,
  prefix: 'Your GS1 company prefix, for tags (may stay empty)',
  preview: 'The first page',
  asking: 'Drawing…',
  open: 'Open the PDF',
  undrawn: (n: number) => `${n === 1 ? 'One name has' : `${n} names have`} characters that no font on the server has: the code stands alone there.`,
  true_size: 'Print at 100 %, not fitted to the page: codes become too small otherwise.',
}
