// How goods stand, in words: their verdict, the band that is nearest its end, where they are.
import { m } from '#messages/goods.ts'
import type { BandBudget, Budget, HandlingUnit, PlaceShown } from '#shared/api/shapes.ts'
import { short } from '#shared/format.ts'
import type { Doing } from '#shared/ui/state.ts'
import { world } from '#shared/world.svelte.ts'

const LOOKS = { pass: 'good', fail: 'bad', indeterminate: 'wait' } as const

export function doingOf(budget: Pick<Budget, 'verdict' | 'reasons'> | null): Doing {
  if (!budget) return { looks: 'new', word: m.no_verdict, more: '' }
  const looks = LOOKS[budget.verdict as keyof typeof LOOKS] ?? 'wait'
  return { looks, word: m.verdict_of(budget.verdict), more: budget.reasons.map(m.reason_of).join(', ') }
}

/** The band that is nearest its end; of those that say what is left. */
export function nearest(budget: Budget | null): BandBudget | undefined {
  const share = (band: BandBudget): number => (band.remaining_s ?? 0) / (band.for_s || 1)
  return budget?.bands.filter((band) => band.remaining_s !== null).toSorted((a, b) => share(a) - share(b))[0]
}

/** What a band has used: of one that counts a single stay, what its remainder leaves of it. */
export const usedOf = (band: BandBudget): { known: number; worst: number | null } =>
  band.mode === 'cumulative' || band.remaining_s === null
    ? { known: band.known_used_s, worst: band.worst_case_used_s }
    : { known: Math.min(band.known_used_s, band.for_s - band.remaining_s), worst: band.for_s - band.remaining_s }

export function placeWords(place: PlaceShown | null): string {
  if (!place) return m.nowhere
  if (place.shipment) return m.with_shipment(place.shipment)
  if (place.vehicle) return world.vehicles.get(place.vehicle)?.label ?? place.vehicle
  if (place.device) return m.with_device(place.device, place.probe ?? '')
  const site = place.site ? world.sites.get(place.site) : undefined
  const zone = place.zone ? (site?.zones.find((each) => each.id === place.zone)?.label ?? place.zone) : ''
  return `${site?.label ?? place.site ?? m.nowhere}${zone ? `, ${zone}` : ''}`
}

export function contentWords(unit: HandlingUnit): string {
  const held = unit.contents.map((each) => m.content(short(each.quantity, 3), each.sku, each.lot))
  if (unit.packed) held.push(m.packed(unit.packed))
  return held.join('; ') || m.empty_unit
}
