// The map of sites: their fences, the one that is being made, and what a file would bring. It holds no rules of its own.
import type { Feature, FeatureCollection, Position } from 'geojson'

import { m } from '#messages/sites.ts'
import type { Site } from '#shared/api/shapes.ts'
import { mapUnit } from '#shared/format.ts'
import { baseStyle, drawGrid, FONT_BOLD, maplibregl, NOTHING, paintBase } from '#shared/map/base.ts'
import { fenceLayers, placeLayers, siteFeatures } from '#shared/map/sites.ts'
import type { Palette } from '#shared/map/theme.ts'
import { mapWords } from '#shared/map/words.ts'

import { positionsOf } from './fence.ts'
import type { Fence } from './fence.ts'

export interface Events {
  /** A site was pressed, or none. */
  site(id: string | null): void
  drawn(): void
}

const SOURCES = ['areas', 'sites', 'given-areas', 'given', 'draft-areas', 'draft'] as const
const CIRCLES_MAX = 1_000
const HIT = ['site-icon', 'site-label', 'area', 'corridor']

export class SiteMap {
  readonly map: maplibregl.Map
  /** Somebody draws: a press chooses no site. */
  busy = false
  #palette: Palette
  #loaded = false
  #data = new Map<string, FeatureCollection>()

  constructor(container: HTMLElement, style: string | null, p: Palette, events: Events) {
    this.#palette = p
    this.map = new maplibregl.Map({
      container,
      style: style ?? baseStyle(p),
      center: [10, 50],
      zoom: 3.5,
      hash: 'map',
      attributionControl: { compact: true },
      dragRotate: false,
      pitchWithRotate: false,
      maxPitch: 0,
      locale: mapWords(m.map_title),
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), 'top-right')
    this.map.addControl(new maplibregl.ScaleControl({ maxWidth: 120, unit: mapUnit() }), 'bottom-left')
    this.map.on('style.load', () => this.#build())
    this.map.once('style.load', () => void this.map.once('render', () => events.drawn()))
    this.map.on('moveend', () => drawGrid(this.map))
    this.map.on('click', ({ point }) => {
      if (this.busy) return
      const near: [maplibregl.PointLike, maplibregl.PointLike] = [[point.x - 6, point.y - 6], [point.x + 6, point.y + 6]]
      const found = this.map.queryRenderedFeatures(near, { layers: HIT.filter((id) => this.map.getLayer(id)) })[0]
      events.site(found ? String(found.properties['id']) : null)
    })
    for (const id of HIT) {
      this.map.on('mouseenter', id, () => this.#cursor('pointer'))
      this.map.on('mouseleave', id, () => this.#cursor(''))
    }
  }

  #cursor(shape: string): void {
    if (!this.busy) this.map.getCanvas().style.cursor = shape
  }

  #layers(): ReturnType<typeof fenceLayers> {
    const p = this.#palette
    const given: Palette = { ...p, accent: p.moving }
    return [
      ...fenceLayers(p),
      ...placeLayers(p, FONT_BOLD),
      ...fenceLayers(given, 'given-areas', 'given-'),
      ...placeLayers(given, FONT_BOLD, 'given', 'given-'),
      ...fenceLayers({ ...p, accent: p.alarm }, 'draft-areas', 'draft-'),
      ...placeLayers({ ...p, accent: p.alarm }, FONT_BOLD, 'draft', 'draft-'),
    ]
  }

  #build(): void {
    this.#loaded = true
    for (const id of SOURCES) this.map.addSource(id, { type: 'geojson', data: this.#data.get(id) ?? NOTHING })
    for (const layer of this.#layers()) this.map.addLayer(layer)
    drawGrid(this.map)
  }

  #set(id: (typeof SOURCES)[number], features: Feature[]): void {
    const data: FeatureCollection = { type: 'FeatureCollection', features }
    this.#data.set(id, data)
    if (this.#loaded) void this.map.getSource<maplibregl.GeoJSONSource>(id)?.setData(data)
  }

  sites(sites: Iterable<Site>, chosen: string | null): void {
    const { areas, points } = siteFeatures(sites, chosen)
    this.#set('areas', areas)
    this.#set('sites', points)
  }

  /** Fences that a file would bring. */
  given(fences: readonly (Fence & { id: string; label: string })[]): void {
    const { areas, points } = siteFeatures(fences.map((each) => ({ ...each, kind: '' })) as Site[], null)
    // Circles of a large file would cost more than they show.
    this.#set('given-areas', fences.length > CIRCLES_MAX ? areas.filter((_area, i) => fences[i]?.polygon ?? fences[i]?.corridor) : areas)
    this.#set('given', points)
  }

  /** The fence in the making; `shaped`: its outline is drawn by who edits it. */
  draft(fence: Fence | null, shaped: boolean): void {
    const { areas, points } = siteFeatures(fence ? [{ ...fence, id: '', label: '', kind: '' } as unknown as Site] : [], '')
    this.#set('draft-areas', shaped ? [] : areas)
    this.#set('draft', shaped ? [] : points)
  }

  paint(p: Palette): void {
    this.#palette = p
    if (!this.#loaded) return
    paintBase(this.map, p)
    for (const layer of this.#layers())
      for (const [key, value] of Object.entries(layer.paint ?? {})) this.map.setPaintProperty(layer.id, key as never, value as never)
  }

  static viewGiven(): boolean {
    return location.hash.startsWith('#map=')
  }

  /** Shows all of these fences. */
  fit(fences: readonly Fence[], animate = true): void {
    if (!fences.length) return
    const bounds = new maplibregl.LngLatBounds()
    for (const fence of fences) for (const at of corners(fence)) bounds.extend(at as [number, number])
    this.map.fitBounds(bounds, { padding: 56, maxZoom: 15, animate, duration: 500 })
  }

  /** Whether a fence is in view and large enough to be looked at. */
  shows(fence: Fence): boolean {
    const { clientWidth: w, clientHeight: h } = this.map.getContainer()
    const all = corners(fence).map((at) => this.map.project(at as [number, number]))
    const xs = all.map(({ x }) => x)
    return all.every(({ x, y }) => x > 0 && y > 0 && x < w && y < h) && Math.max(...xs) - Math.min(...xs) > 24
  }

  remove(): void {
    this.map.remove()
  }
}

function corners({ lat, lon, radius_m, polygon, corridor }: Fence): Position[] {
  const far = polygon ? 0 : radius_m / 111_320
  const wide = far / Math.max(0.01, Math.cos((lat * Math.PI) / 180))
  const all = polygon || corridor ? [...positionsOf((polygon ?? corridor)!)] : [[lon, lat]]
  return all.flatMap(([x = 0, y = 0]) => [[x - wide, Math.max(-85, y - far)], [x + wide, Math.min(85, y + far)]])
}
