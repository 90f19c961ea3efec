// What a profile would have raised, asked some devices at a time, and how it lies beside what was.
import { api, ask } from '#shared/api/client.ts'
import type { BacktestIn, ProfileBacktest, TriedCase, TriedPair } from '#shared/api/shapes.ts'
import { ms } from '#shared/format.ts'

export type Tried = Omit<ProfileBacktest, 'next_cursor'>

/** Asks until all is told, or `goes_on` says no; `heard` gets what is known so far. */
export async function tried(body: BacktestIn, heard: (so_far: Tried) => void, goes_on: () => boolean): Promise<Tried> {
  let all: Tried | undefined
  let cursor: string | null = null
  do {
    const page: ProfileBacktest = await ask(api.POST('/api/v1/profile-backtests', { body: { ...body, ...(all && { to: all.until, from: all.since }), cursor } }))
    all = { ...page, items: [...(all?.items ?? []), ...page.items], probes: [...(all?.probes ?? []), ...page.probes] }
    cursor = page.next_cursor
    heard(all)
  } while (cursor && goes_on())
  return all
}

export interface Bar {
  /** Of the width, from 0 to 1. */
  start: number
  end: number
  severity: TriedCase['severity']
  how: TriedPair['how']
}

export interface Lane {
  device: string
  probe: string
  did: Bar[]
  would: Bar[]
}

/** Where each case lies between the ends of the span; probes without any are left out. */
export function lanesOf({ items, since, until }: Pick<Tried, 'items' | 'since' | 'until'>): Lane[] {
  const [from, to] = [ms(since), ms(until)]
  const place = (at: number): number => Math.min(1, Math.max(0, (at - from) / (to - from)))
  const bar = (each: TriedCase, how: TriedPair['how']): Bar => ({ start: place(ms(each.started_at)), end: place(each.ended_at ? ms(each.ended_at) : to), severity: each.severity, how })
  const lanes = new Map<string, Lane>()
  for (const { device, probe, how, would, did } of items) {
    const key = `${device}\n${probe}`
    const lane = lanes.get(key) ?? { device, probe, did: [], would: [] }
    lanes.set(key, lane)
    lane.did.push(...did.map((each) => bar(each, how)))
    if (would) lane.would.push(bar(would, how))
  }
  return [...lanes.values()]
}

/** How many cases there would be more, the same, and fewer. */
export function countsOf(items: readonly TriedPair[]): Record<TriedPair['how'], number> {
  const counts = { new: 0, same: 0, gone: 0 }
  for (const { how } of items) counts[how] += 1
  return counts
}
