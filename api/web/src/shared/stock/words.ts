// Stock in words: places, quantities, what lies in a line.
import { m } from '#messages/stock.ts'
import type { LedgerLevel, StockPlace } from '#shared/api/shapes.ts'
import { short } from '#shared/format.ts'
import { world } from '#shared/world.svelte.ts'

export const number = (n: number): string => short(n, 3)
export const amount = (n: number, unit: string): string => `${number(n)} ${m.unit(unit, n)}`
export const signed = (n: number): string => (n > 0 ? `+${number(n)}` : number(n))
export const day = (time: string): string => time.slice(0, 10)

const siteName = (site: string): string => world.sites.get(site)?.label ?? site
const zoneName = (site: string, zone: string): string => world.sites.get(site)?.zones.find((each) => each.id === zone)?.label ?? zone

/** `whole`: with its bin. */
export function placeWords(place: StockPlace, whole = true): string {
  if (place.vehicle) return world.vehicles.get(place.vehicle)?.label ?? place.vehicle
  if (!place.site) return m.outside(place.kind)
  const parts = [siteName(place.site), place.zone ? zoneName(place.site, place.zone) : '', whole && place.bin ? m.in_bin(place.bin) : '']
  return parts.filter(Boolean).join(', ')
}

/** What tells a line from others of its product and zone: lot, bin, handling unit. */
export function lineWords(line: Pick<LedgerLevel, 'lot' | 'handling_unit'> & { bin?: string | null | undefined }): string {
  const parts = [line.lot ? m.lot_named(line.lot) : '', line.bin ? m.in_bin(line.bin) : '', line.handling_unit ? m.in_unit(line.handling_unit) : '']
  return parts.filter(Boolean).join(', ')
}
