// The sites of the page: those that the feed tells, those that are retired, and what is done to them.
import { api, ask, nextOf } from '#shared/api/client.ts'
import type { components } from '#shared/api/schema.d.ts'
import type { Site } from '#shared/api/shapes.ts'
import { world } from '#shared/world.svelte.ts'

import type { Fence } from './fence.ts'
import { view } from './view.svelte.ts'

export type SiteIn = components['schemas']['SiteIn']
export type Dependents = components['schemas']['Ending']['dependents']
export type Retired = components['schemas']['Retired']

/** A site as the api takes it: it is replaced as a whole, so what is not changed goes with it. */
export const bodyOf = (site: Pick<Site, 'id' | 'label' | 'dwell_s' | 'tz'> & Fence & { kind: string }): SiteIn => ({
  id: site.id,
  label: site.label,
  kind: site.kind as SiteIn['kind'],
  lat: site.lat,
  lon: site.lon,
  radius_m: site.radius_m,
  polygon: site.polygon as SiteIn['polygon'] & object | null,
  corridor: site.corridor as SiteIn['corridor'] & object | null,
  dwell_s: site.dwell_s,
  tz: site.tz,
  zones: [],
})

export const fenceOfSite = (site: Site): Fence => ({
  lat: site.lat,
  lon: site.lon,
  radius_m: site.radius_m,
  polygon: site.polygon as Fence['polygon'],
  corridor: site.corridor as Fence['corridor'],
})

class Sites {
  readonly all = $derived([...world.sites.values()].sort((a, b) => a.label.localeCompare(b.label, undefined, { numeric: true })))
  readonly shown = $derived.by(() => {
    const words = view.text.toLowerCase().split(/\s+/).filter(Boolean)
    return this.all.filter((site) => (!view.kind || site.kind === view.kind) && words.every((word) => `${site.label} ${site.id} ${site.kind}`.toLowerCase().includes(word)))
  })
  readonly chosen = $derived(view.site === null ? undefined : this.all.find(({ id }) => id === view.site))
  /** Sites and zones that are retired; undefined while not asked for. */
  retired = $state.raw<readonly Retired[] | undefined>()

  async readRetired(): Promise<void> {
    const found: Retired[] = []
    let cursor: string | undefined
    do {
      const request = api.GET('/api/v1/retired', { params: { query: { limit: 1000, ...(cursor ? { cursor } : {}) } } })
      found.push(...(await ask(request)).items)
      cursor = nextOf((await request).response)
    } while (cursor)
    this.retired = found.filter(({ kind }) => kind === 'site' || kind === 'zone')
  }

  put(body: SiteIn): Promise<Site> {
    return ask(api.POST('/api/v1/sites', { body }))
  }

  rename(id: string, to: string): Promise<unknown> {
    return ask(api.PATCH('/api/v1/sites/{site_id}', { params: { path: { site_id: id } }, body: { id: to } }))
  }

  async retire(id: string, retired: boolean): Promise<void> {
    await ask(api.PATCH('/api/v1/sites/{site_id}', { params: { path: { site_id: id } }, body: { retired } }))
    await this.readRetired()
  }

  async delete(id: string): Promise<void> {
    await ask(api.DELETE('/api/v1/sites/{site_id}', { params: { path: { site_id: id } } }))
    if (this.retired) await this.readRetired()
  }

  /** What depends on a site, without changing anything. */
  async dependents(id: string): Promise<Dependents> {
    const query = { dry_run: true }
    return (await ask(api.DELETE('/api/v1/sites/{site_id}', { params: { path: { site_id: id }, query } }))).dependents
  }
}

export const sites = new Sites()
