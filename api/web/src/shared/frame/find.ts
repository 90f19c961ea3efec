// What the palette finds. Plain data in, entries out, so that it can be tested without a page.
import type { Shipment, Site, Vehicle } from '#shared/api/shapes.ts'

export interface Entry {
  id: string
  name: string
  /** What else it is known by; searched too. */
  more: string
  href: string
}

export interface Known {
  vehicles: Iterable<Vehicle>
  shipments: Iterable<Shipment>
  sites: Iterable<Site>
}

export const AT_MOST = 6

const seg = encodeURIComponent

/** Words of a text in any order; the first `limit` that have them all, those whose name begins with the text first. */
export function matching<T>(all: Iterable<T>, text: string, told: (one: T) => string, limit = AT_MOST): T[] {
  const wanted = text.toLowerCase().trim()
  const words = wanted.split(/\s+/).filter(Boolean)
  const [first, rest]: [T[], T[]] = [[], []]
  for (const one of all) {
    const known = told(one).toLowerCase()
    if (!words.every((word) => known.includes(word))) continue
    if (known.startsWith(wanted)) first.push(one)
    else if (rest.length < limit) rest.push(one)
    if (first.length >= limit) break
  }
  return [...first, ...rest].slice(0, limit)
}

/** The one whose id or whose name the text is; none when several bear that name. */
export function named<T>(all: Iterable<T>, text: string, told: (one: T) => { id: string; name: string }): T | undefined {
  const wanted = text.trim().toLowerCase()
  if (!wanted) return undefined
  const bearing: T[] = []
  for (const one of all) {
    const { id, name } = told(one)
    if (id.toLowerCase() === wanted) return one
    if (name.toLowerCase() === wanted) bearing.push(one)
  }
  return bearing.length === 1 ? bearing[0] : undefined
}

/** Those that match, first of all the one that is named by its whole id or name. */
export function offered<T>(all: Iterable<T>, text: string, told: (one: T) => { id: string; name: string }, limit = AT_MOST): T[] {
  const every = [...all]
  const meant = named(every, text, told)
  const like = matching(every, text, (one) => `${told(one).name} ${told(one).id}`, limit).filter((one) => one !== meant)
  return (meant === undefined ? like : [meant, ...like]).slice(0, limit)
}

/** Vehicles, shipments and places; nothing before something is written. */
export function find(known: Known, text: string): { vehicles: Entry[]; shipments: Entry[]; places: Entry[] } {
  if (!text.trim()) return { vehicles: [], shipments: [], places: [] }
  return {
    vehicles: matching(known.vehicles, text, (v) => `${v.label} ${v.id}`).map((v) => ({
      id: v.id,
      name: v.label,
      more: v.label === v.id ? '' : v.id,
      href: `/?vehicle=${seg(v.id)}`,
    })),
    shipments: matching(known.shipments, text, (s) => `${s.reference} ${s.id} ${s.customer ?? ''} ${s.vehicle ?? ''}`).map((s) => ({ id: s.id, name: s.reference || s.id, more: s.customer ?? '', href: `/shipments?shipment=${seg(s.id)}` })),
    places: matching(known.sites, text, (s) => `${s.label} ${s.id}`).map((s) => ({
      id: s.id,
      name: s.label,
      more: s.label === s.id ? s.kind : `${s.id}, ${s.kind}`,
      href: `/?tab=stock&site=${seg(s.id)}`,
    })),
  }
}
