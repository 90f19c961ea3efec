// Lines of the ledger put together by product and zone, with what sensors say of it; and what names one of them.
import type { LedgerLevel, Stock } from '#shared/api/shapes.ts'

/** What a number stands for: a place with or without its zone and bin, a product, perhaps a lot and a unit. */
export interface LineKey {
  site: string
  zone: string
  bin: string
  vehicle: string
  sku: string
  lot: string
  unit: string
}

export interface Group {
  key: string
  of: LineKey
  label: string
  base_unit: string
  /** All of it in the zone, also of lots that are not listed. */
  quantity: number
  lines: readonly LedgerLevel[]
  evidence: { quantity: number; confidence: number; last_evidence_at: string | null } | null
  counted_at: string | null
  counted: number | null
  reorder_point: number | null
  /** Its site has no more of it than the reorder point: the outlook says so. */
  low: boolean
  /** The ledger has moves of it. */
  known: boolean
}

const PARTS = ['site', 'zone', 'bin', 'vehicle', 'sku', 'lot', 'unit'] as const

export const keyText = (key: LineKey): string => PARTS.map((part) => encodeURIComponent(key[part])).join('/')

/** Null: it names no line. */
export function keyOf(text: string): LineKey | null {
  const parts = text.split('/')
  if (parts.length !== PARTS.length) return null
  try {
    const [site = '', zone = '', bin = '', vehicle = '', sku = '', lot = '', unit = ''] = parts.map(decodeURIComponent)
    return sku && (site || vehicle) ? { site, zone, bin, vehicle, sku, lot, unit } : null
  } catch {
    return null
  }
}

export const keyOfLine = ({ place, sku, lot, handling_unit }: LedgerLevel): LineKey => ({
  site: place.site ?? '', zone: place.zone ?? '', bin: place.bin ?? '', vehicle: place.vehicle ?? '', sku, lot: lot ?? '', unit: handling_unit ?? '',
})

const zoneKey = (of: LineKey): LineKey => ({ ...of, bin: '', lot: '', unit: '' })

/** A product at a site. */
export const atSite = (site: string | null | undefined, sku: string): string => `${site ?? ''}/${sku}`

/**
 * `zones`: all that is in the zones of the places asked for; `live`: what sensors say just now; `low`: what the outlook
 * says is low or out (`atSite`); `alone`: zones are listed also when no line of them is.
 */
export function grouped(
  lines: readonly LedgerLevel[], zones: readonly LedgerLevel[], live: ReadonlyMap<string, Stock>, low: ReadonlySet<string>,
  alone: (zone: LedgerLevel) => boolean,
): Group[] {
  const inZone = new Map(zones.map((zone) => [keyText(keyOfLine(zone)), zone]))
  const found = new Map<string, LedgerLevel[]>()
  for (const line of lines) {
    const key = keyText(zoneKey(keyOfLine(line)))
    const known = found.get(key)
    if (known) known.push(line)
    else found.set(key, [line])
  }
  for (const zone of zones) if (!found.has(keyText(keyOfLine(zone))) && alone(zone)) found.set(keyText(keyOfLine(zone)), [])

  return [...found].flatMap(([key, held]): Group[] => {
    const zone = inZone.get(key)
    const one = held[0] ?? zone
    if (!one) return []
    const of = zoneKey(keyOfLine(one))
    const seen = live.get(`${of.site}/${of.zone}/${of.sku}`) ?? zone?.evidence ?? one.evidence
    return [{
      key, of, label: one.label, base_unit: one.base_unit, lines: held, evidence: seen ?? null, reorder_point: one.reorder_point,
      quantity: zone ? zone.quantity : held.reduce((sum, line) => sum + line.quantity, 0),
      counted_at: zone ? zone.counted_at : one.counted_at,
      counted: held.length === 1 ? one.counted : null,
      low: one.reorder_point !== null && !of.vehicle && low.has(atSite(of.site, of.sku)),
      known: held.length > 0 || !!zone?.moved_at,
    }]
  })
}

/** The soonest best-before of its lots. */
export const expiryOf = (group: Group): string => group.lines.map((line) => line.best_before ?? '9').toSorted()[0] ?? '9'
