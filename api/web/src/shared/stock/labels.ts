// What labels can be printed of, and on what.
import type { LedgerLevel } from '#shared/api/shapes.ts'

export const SHEETS = ['a4-24', 'a4-8', 'roll', 'a6'] as const
export const CODES = ['both', 'bars', 'qr'] as const
export type Sheet = (typeof SHEETS)[number]
export type Codes = (typeof CODES)[number]
export type Of = 'products' | 'lots' | 'sites' | 'zones' | 'bins' | 'handling_units'
export const PLACES: Readonly<Record<Sheet, number>> = { 'a4-24': 24, 'a4-8': 8, roll: 1, a6: 1 }
/** As many are named one by one; of more, all that fit `query` are meant. */
export const ID_MAX = 200

/** Things of one kind: those alone, or without `ids` all that fit. */
export interface Labelled {
  of: Of
  ids?: readonly string[]
  query: Readonly<Record<string, string>>
}

/** What a list of stock shows: what lies there by name, and the places that are looked at with all their parts. */
export function labelled(skus: readonly string[], lines: readonly LedgerLevel[], query: Readonly<Record<string, string>>): Labelled[] {
  const { site, zone } = query
  const place = { ...(site ? { site } : {}), ...(zone ? { zone } : {}) }
  const once = (names: readonly (string | null | undefined)[]): string[] => [...new Set(names)].filter((name) => name !== null && name !== undefined && name !== '') as string[]
  const named = ([['products', once(skus)], ['lots', once(lines.map(({ lot }) => lot))], ['handling_units', once(lines.map((line) => line.handling_unit))]] as const)
    .filter(([, ids]) => ids.length)
    .map(([of, ids]) => ({ of, ids, query }))
  return [...named, { of: 'bins', query: place }, { of: 'zones', query: place }, ...(zone ? [] : [{ of: 'sites' as const, query: place }])]
}
