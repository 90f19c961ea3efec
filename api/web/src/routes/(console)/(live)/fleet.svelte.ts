// The one filtered list that the rows, the map and the keys share.
import type { Vehicle } from '#shared/api/shapes.ts'
import { clock } from '#shared/clock.svelte.ts'
import { isStale, statusOf, STATUSES } from '#shared/status.ts'
import type { Status } from '#shared/status.ts'
import { world } from '#shared/world.svelte.ts'

import { fits, groupOf } from '#shared/traits.ts'
import { view } from './view.svelte.ts'

export interface Row {
  vehicle: Vehicle
  status: Status
  stale: boolean
  /** Alarms that are over and that nobody has acknowledged. */
  unseen: number
}

/** Vehicles that are told to be the same; empty: those of which nobody has told it. */
export interface Group {
  group: string
  count: number
  counts: Record<Status, number>
}

const none = (): Record<Status, number> => Object.fromEntries(STATUSES.map((s) => [s, 0])) as Record<Status, number>

// Natural order by plain comparison: a collator costs too much for ten thousand rows several times a second.
const keys = new Map<string, string>()
function sortKey(label: string): string {
  let key = keys.get(label)
  if (key === undefined) {
    key = label.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(10, '0'))
    keys.set(label, key)
  }
  return key
}

const urgency: Record<Status, number> = { alarm: 0, late: 1, stale: 2, moving: 3, stopped: 3, unknown: 4 }

class Fleet {
  // Staleness needs the clock, but not every second.
  #slow = $derived(Math.floor(clock.now / 5000) * 5000)

  #unseen = $derived.by(() => {
    const counts = new Map<string, number>()
    for (const a of world.alerts.values())
      if (a.state === 'cleared' && a.severity === 'critical' && !a.acknowledged_at && a.subject.kind === 'vehicle')
        counts.set(a.subject.id, (counts.get(a.subject.id) ?? 0) + 1)
    return counts
  })

  rows: Row[] = $derived.by(() => {
    const rows: Row[] = []
    for (const vehicle of world.vehicles.values()) {
      const shipment = vehicle.shipment ? world.shipments.get(vehicle.shipment.id) : undefined
      rows.push({ vehicle, status: statusOf(vehicle, this.#slow, shipment), stale: isStale(vehicle, this.#slow), unseen: this.#unseen.get(vehicle.id) ?? 0 })
    }
    return rows.sort((a, b) => {
      const first = urgency[a.status] - urgency[b.status]
      if (first) return first
      const [x, y] = [sortKey(a.vehicle.label), sortKey(b.vehicle.label)]
      return x < y ? -1 : x > y ? 1 : 0
    })
  })

  #found: Row[] = $derived.by(() => {
    const words = view.text.toLowerCase().split(/\s+/).filter(Boolean)
    const wanted = view.wanted
    if (!words.length && !Object.values(wanted).some(Boolean)) return this.rows
    return this.rows.filter(({ vehicle }) => {
      if (!fits(vehicle, wanted)) return false
      if (!words.length) return true
      const site = vehicle.site ? (world.sites.get(vehicle.site)?.label ?? vehicle.site) : ''
      const shipment = vehicle.shipment ? world.shipments.get(vehicle.shipment.id) : undefined
      const text = [vehicle.id, vehicle.label, site, vehicle.shipment?.id, shipment?.reference, shipment?.customer]
        .join(' ')
        .toLowerCase()
      return words.every((word) => text.includes(word))
    })
  })

  counts: Record<Status, number> = $derived.by(() => {
    const counts = none()
    for (const row of this.#found) counts[row.status]++
    return counts
  })

  #kept: Row[] = $derived(
    view.statuses.length ? this.#found.filter((row) => view.statuses.includes(row.status)) : this.#found,
  )

  #groups: [Group, Row[]][] = $derived.by(() => {
    const by = view.by
    if (!by) return []
    const groups = new Map<string, [Group, Row[]]>()
    for (const row of this.#kept) {
      const key = groupOf(row.vehicle, by)
      let found = groups.get(key)
      if (!found) groups.set(key, (found = [{ group: key, count: 0, counts: none() }, []]))
      found[0].count++
      found[0].counts[row.status]++
      found[1].push(row)
    }
    // What nobody has told comes last.
    return [...groups.values()].sort(([a], [b]) => Number(!a.group) - Number(!b.group) || a.group.localeCompare(b.group))
  })

  shown: Row[] = $derived(view.by ? this.#groups.flatMap(([, rows]) => rows) : this.#kept)

  /** The rows with the heads of their groups before them. */
  lines: (Row | Group)[] = $derived(view.by ? this.#groups.flatMap(([group, rows]) => [group, ...rows]) : this.#kept)

  selected: Row | undefined = $derived(this.rows.find((row) => row.vehicle.id === view.selected))
}

export const fleet = new Fleet()
