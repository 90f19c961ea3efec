// What alerts of stock are called.
export default {
  title_load: (shipment: string, door: string, what: string) => `Load of ${shipment}${door ? ` at ${door}` : ''}: ${what}`,
  load_wrong: (unit: string, more: number, of: string | null) => `${unit}${more ? ` and ${more} more` : ''} ${of ? `belongs to ${of}` : 'is of no shipment'}`,
  load_missing: (unit: string, more: number, behind: boolean) => `${unit}${more ? ` and ${more} more` : ''} ${behind ? 'left behind' : 'not on board'}`,
  title_low: (label: string, left: string) => `Low stock: ${label}, ${left} left`,
  title_out: (label: string) => `Out of stock: ${label}`,
  title_soon_out: (label: string) => `Soon out of stock: ${label}`,
  title_expiry: (label: string, left: string, lot: string, more: number) => `Will expire unused: ${label}, ${left} of lot ${lot}${more > 0 ? ` and ${more} more` : ''}`,
  between: (from: string, to: string) => `${from}–${to}`,
  not_before: (from: string) => `not before ${from}`,
  out_expected: (left: string, at: string, reach: string) => (left ? `out in about ${left}, ${at} (${reach})` : `out about ${at} (${reach})`),
}
