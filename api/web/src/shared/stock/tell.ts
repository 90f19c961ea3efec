// Moves as a person tells them: each sent once, under an id of its own.
import { m } from '#messages/stock.ts'
import { api, ask } from '#shared/api/client.ts'
import type { LedgerLevel, LedgerMove, ProductUnits, StockMoveIn, StockPlace } from '#shared/api/shapes.ts'
import { freshId } from '#shared/fresh.ts'

import type { Receipt } from './receiving.ts'

type PlaceIn = NonNullable<StockMoveIn['from']>
type Move = Omit<Partial<StockMoveIn>, 'id'> & Pick<StockMoveIn, 'kind' | 'sku' | 'quantity'>

const whole = (move: Move): StockMoveIn => ({ id: freshId(), reason: '', reference: '', source: 'person', allow_negative: false, ...move })

export const tell = (move: Move): Promise<unknown> => ask(api.POST('/api/v1/stock/moves', { body: { moves: [whole(move)] } }))

/** A place of ours as the ledger is told of it; nothing for one outside. */
export const placeIn = ({ site, zone, bin, vehicle }: Partial<StockPlace>): PlaceIn | null =>
  vehicle ? { vehicle } : site ? { site, zone: zone || null, bin: bin || null } : null

/**
 * Takes goods in under an `id` of its own, which the same try has each time; with a lot that may be new. The move as it is kept.
 * `reason`: why it lies in a bin that is full, or not for it, all the same.
 */
export async function receive(id: string, slip: Receipt, unit: string, reference: string, reason = ''): Promise<LedgerMove> {
  const day = (text: string): string | null => (text ? `${text}T00:00:00Z` : null)
  const lot = slip.lot.trim()
  const move = whole({
    kind: 'receive', sku: slip.sku, quantity: Number(slip.quantity), unit: unit || null, lot: lot || null, to: placeIn(slip), handling_unit: slip.handling_unit.trim() || null, reference: reference.trim(), reason: reason.trim(),
    new_lot: lot ? { best_before: day(slip.best_before), made_at: day(slip.made_on) } : null,
  })
  const { moves } = await ask(api.POST('/api/v1/stock/moves', { body: { moves: [{ ...move, id }] } }))
  const [kept] = moves
  if (!kept) throw new Error(m.unread)
  return kept
}

/** What all moves out of a line, or into it, say of it. */
export const ofLine = (line: LedgerLevel): Pick<StockMoveIn, 'sku' | 'lot' | 'handling_unit'> => ({ sku: line.sku, lot: line.lot, handling_unit: line.handling_unit })

/** Takes a move back; with `quantity` it says how many it was instead. */
export function correct(move: LedgerMove, reason: string, quantity: number | null): Promise<unknown> {
  const inPlace = move.kind === 'pack' || move.kind === 'unpack'
  const right = quantity === null ? null : whole({
    kind: move.kind as StockMoveIn['kind'], sku: move.sku, lot: move.lot, quantity, unit: move.base_unit, from: placeIn(move.source_place),
    to: inPlace ? null : placeIn(move.target_place), handling_unit: move.to_handling_unit ?? move.from_handling_unit, reason: move.reason || reason, reference: move.reference,
  })
  return ask(api.POST('/api/v1/stock/moves/{move_id}/correction', { params: { path: { move_id: move.id } }, body: { reason, right } }))
}

/** Asks for a count; its task. */
export const askCount = async (site: string, zone: string, bin: string, sku: string): Promise<number> =>
  (await ask(api.POST('/api/v1/stock/count-tasks', { body: { site, zone: zone || null, bin: bin || null, sku } }))).id

/** In what a product can be counted, its base unit first. */
export async function unitsOf(sku: string): Promise<string[]> {
  const found: ProductUnits = await ask(api.GET('/api/v1/products/{sku}/units', { params: { path: { sku } } }))
  return [...new Set([found.base_unit, ...found.units.map((unit) => unit.name)])]
}
