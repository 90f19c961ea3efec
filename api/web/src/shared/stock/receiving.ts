// Goods that come in, as a form has them, and what a scanned code does to it.
import type { StockFound } from '#shared/api/shapes.ts'

export interface Receipt {
  sku: string
  label: string
  /** As it is typed. */
  quantity: string
  lot: string
  /** A day, as 2026-12-20. */
  best_before: string
  made_on: string
  handling_unit: string
  site: string
  zone: string
  bin: string
}

export const EMPTY: Receipt = { sku: '', label: '', quantity: '', lot: '', best_before: '', made_on: '', handling_unit: '', site: '', zone: '', bin: '' }

/** Ready for what comes next to the same place. */
export const nextOf = ({ site, zone, bin }: Receipt): Receipt => ({ ...EMPTY, site, zone, bin })

export type Outcome = { receipt: Receipt; what: 'filled' | 'more' | 'place' | 'unit' } | { other: string }

/**
 * An item fills the form, with what its code says of lot, days and number; one more of the same counts one more, or as
 * many as its code says. A bin, zone or site is where it goes, the code of a unit what it is in. `other` is what the code names when
 * something else is being received.
 */
export function scannedOn(receipt: Receipt, what: StockFound): Outcome {
  const item = what.found.find((thing) => thing.kind === 'lot' && thing.sku) ?? what.found.find((thing) => thing.kind === 'product' && thing.sku)
  if (item?.sku) {
    const lot = what.lot ?? item.lot ?? ''
    if (receipt.sku && (receipt.sku !== item.sku || (receipt.lot && lot && receipt.lot !== lot))) return { other: [item.label ?? item.sku, lot].filter(Boolean).join(', ') }
    const again = receipt.sku === item.sku && Number(receipt.quantity) > 0 && (!lot || receipt.lot === lot)
    const known = Number(receipt.quantity) || 0
    const quantity = again ? known + (what.contains ?? 1) : known || (what.contains ?? 1)
    return {
      what: again ? 'more' : 'filled',
      receipt: {
        ...receipt, sku: item.sku, label: item.label ?? item.sku, quantity: String(Number(quantity.toFixed(6))), lot: receipt.lot || lot,
        best_before: receipt.best_before || (what.best_before ?? ''), made_on: receipt.made_on || (what.made_on ?? ''), handling_unit: what.sscc ?? receipt.handling_unit,
      },
    }
  }
  const place = what.found.find((thing) => thing.kind === 'bin' || thing.kind === 'zone' || thing.kind === 'site')
  if (place) return { what: 'place', receipt: { ...receipt, site: place.site ?? '', zone: place.zone ?? '', bin: place.bin ?? '' } }
  const unit = what.found.find((thing) => thing.kind === 'handling_unit')
  return unit?.handling_unit ? { what: 'unit', receipt: { ...receipt, handling_unit: unit.handling_unit } } : { other: what.names }
}
