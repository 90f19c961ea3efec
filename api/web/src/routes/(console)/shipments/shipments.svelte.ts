// The shipments of the page: those that the feed tells, older ones when they are asked for, and what is done to them.
import { api, ask, nextOf } from '#shared/api/client.ts'
import type { components } from '#shared/api/schema.d.ts'
import type { Shipment, ShipmentIn } from '#shared/api/shapes.ts'
import { world } from '#shared/world.svelte.ts'

import { view } from './view.svelte.ts'
import { byInterest, fits } from './words.ts'

export type Ending = components['schemas']['ShipmentEnding']
const OLDER_MAX = 5_000
const PORTION = 1_000

/** A shipment as the api takes it: it is replaced as a whole, so what is not changed goes with it. */
export const bodyOf = (shipment: Shipment): ShipmentIn => ({
  id: shipment.id,
  reference: shipment.reference,
  customer: shipment.customer,
  vehicle: shipment.vehicle,
  profile: shipment.profile,
  planned_line: (shipment.planned_line ?? null) as NonNullable<ShipmentIn['planned_line']> | null,
  stops: shipment.stops.map(({ stop_id, site, name, lat, lon, radius_m, window_start, window_end }) => ({
    stop_id, site, name, lat, lon, radius_m, window_start, window_end,
  })),
})

const at = (id: string) => ({ params: { path: { shipment_id: id } } })

class Shipments {
  /** Those that the feed does not tell; undefined while not asked for. */
  older = $state.raw<readonly Shipment[] | undefined>()
  left = $state(false)

  readonly all = $derived.by(() => {
    const told = world.shipments
    const older = view.older ? (this.older ?? []).filter(({ id }) => !told.has(id)) : []
    return [...told.values(), ...older].sort(byInterest)
  })
  readonly shown = $derived(this.all.filter((shipment) => fits(shipment, view)))
  readonly chosen = $derived(view.shipment === null ? undefined : (world.shipments.get(view.shipment) ?? this.older?.find(({ id }) => id === view.shipment)))
  readonly vehicles = $derived([...new Set(this.all.flatMap(({ vehicle }) => (vehicle ? [vehicle] : [])))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })))

  async readOlder(): Promise<void> {
    const found: Shipment[] = []
    let cursor: string | undefined
    do {
      const request = api.GET('/api/v1/shipments', { params: { query: { limit: PORTION, ...(cursor ? { cursor } : {}) } } })
      found.push(...(await ask(request)).items)
      cursor = nextOf((await request).response)
    } while (cursor && found.length < OLDER_MAX)
    this.older = found
    this.left = !!cursor
  }

  /** One that the feed does not tell, by its address. */
  async readOne(id: string): Promise<void> {
    const found = await this.find(id)
    if (found) this.older = [...(this.older ?? []).filter((each) => each.id !== id), found]
  }

  /** A shipment as the server has it now; null when there is none. */
  async find(id: string): Promise<Shipment | null> {
    return (await ask(api.GET('/api/v1/shipments', { params: { query: { id } } }))).items[0] ?? null
  }

  /** Those that have just come in are told by the feed: they are no older ones. */
  cameIn(ids: ReadonlyMap<string, unknown>): void {
    this.older = this.older?.filter(({ id }) => !ids.has(id))
  }

  async put(body: ShipmentIn): Promise<Shipment> {
    const made = await ask(api.POST('/api/v1/shipments', { body }))
    this.older = this.older?.filter(({ id }) => id !== body.id)
    return made
  }

  /** What would become of it, without changing anything. */
  ending(id: string): Promise<Ending> {
    return ask(api.DELETE('/api/v1/shipments/{shipment_id}', { params: { path: { shipment_id: id }, query: { dry_run: true } } }))
  }

  async end(id: string): Promise<Ending> {
    const ending = await ask(api.DELETE('/api/v1/shipments/{shipment_id}', at(id)))
    this.older = this.older?.filter((each) => each.id !== id)
    return ending
  }
}

export const shipments = new Shipments()
