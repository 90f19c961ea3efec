// The dispatcher's map: sources and layers, and one setter per kind of thing drawn. It holds no rules of its own; the
// component beside it decides what is shown.
import type { Feature, FeatureCollection, Point, Position } from 'geojson'

import { m } from '#messages/live.ts'
import type { Shipment, Site, Stop, TrackPoint } from '#shared/api/shapes.ts'
import { continuous } from '#shared/continuous.ts'
import { age, mapUnit } from '#shared/format.ts'
import { baseStyle, drawGrid, FONT, FONT_BOLD, lineFeature, maplibregl, NOTHING, paintBase, putIcons } from '#shared/map/base.ts'
import { siteFeatures } from '#shared/map/sites.ts'
import type { Palette } from '#shared/map/theme.ts'
import { mapWords } from '#shared/map/words.ts'

import type { Row } from './fleet.svelte.ts'
import { vehicleLayers, layers, CLUSTER } from './layers.ts'

export interface Events {
  vehicle(id: string | null): void
  site(id: string): void
  /** The user moved the map by hand. */
  moved(): void
  /** The ground and what was handed over so far are drawn; once. */
  drawn(): void
}

const SOURCES = ['areas', 'plans', 'trail', 'stops', 'sites', 'vehicles', 'chosen'] as const

export class LiveMap {
  readonly map: maplibregl.Map
  #palette: Palette
  #loaded = false
  #data = new Map<string, FeatureCollection>()
  #drawn: [string, number, number][] = []
  #clustered = false

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
      fadeDuration: 0, // vehicles move with each message: with it the map would be drawn all the time
      locale: mapWords(m.map_title),
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), 'top-right')
    this.map.addControl(new maplibregl.ScaleControl({ maxWidth: 120, unit: mapUnit() }), 'bottom-left')
    this.map.on('style.load', () => this.#build())
    // Not 'idle': a busy fleet on a slow machine never lets the map come to rest.
    this.map.once('style.load', () => void this.map.once('render', () => events.drawn()))
    this.map.on('moveend', () => drawGrid(this.map))
    for (const kind of ['dragstart', 'wheel'] as const) this.map.on(kind, () => events.moved())
    this.#clicks(events)
  }

  #build(): void {
    this.#loaded = true
    putIcons(this.map, this.#palette)
    for (const id of SOURCES) {
      this.map.addSource(id, {
        type: 'geojson',
        data: this.#data.get(id) ?? NOTHING,
        ...(id === 'vehicles' ? { ...CLUSTER, cluster: this.#clustered } : {}),
      })
    }
    for (const layer of [...layers(this.#palette, FONT_BOLD), ...vehicleLayers(this.#palette, FONT, FONT_BOLD)])
      this.map.addLayer(layer)
    drawGrid(this.map)
  }

  #clicks(events: Events): void {
    const hit = ['chosen-icon', 'icon', 'label', 'cluster', 'site-icon', 'site-label']
    this.map.on('click', (event) => {
      const near: [maplibregl.PointLike, maplibregl.PointLike] = [
        [event.point.x - 6, event.point.y - 6],
        [event.point.x + 6, event.point.y + 6],
      ]
      const found = this.map.queryRenderedFeatures(near, { layers: hit.filter((id) => this.map.getLayer(id)) })[0]
      if (!found) events.vehicle(null)
      else if (found.source === 'sites') events.site(String(found.properties['id']))
      else if (found.properties['cluster']) void this.#openCluster(found)
      else events.vehicle(String(found.properties['id']))
    })
    for (const id of hit) {
      this.map.on('mouseenter', id, () => (this.map.getCanvas().style.cursor = 'pointer'))
      this.map.on('mouseleave', id, () => (this.map.getCanvas().style.cursor = ''))
    }
  }

  async #openCluster(found: maplibregl.MapGeoJSONFeature): Promise<void> {
    const source = this.map.getSource<maplibregl.GeoJSONSource>('vehicles')
    const zoom = await source?.getClusterExpansionZoom(Number(found.properties['cluster_id']))
    this.map.easeTo({ center: (found.geometry as Point).coordinates as [number, number], zoom: (zoom ?? 8) + 0.2 })
  }

  #set(id: (typeof SOURCES)[number], features: Feature[]): void {
    const data: FeatureCollection = { type: 'FeatureCollection', features }
    this.#data.set(id, data)
    if (this.#loaded) void this.map.getSource<maplibregl.GeoJSONSource>(id)?.setData(data)
  }

  /** What was last handed to the map: [id, lon, lat]. */
  drawn(): [string, number, number][] {
    return this.#drawn
  }

  vehicles(rows: readonly Row[], selected: string | null, now: number): void {
    const drawn: [string, number, number][] = []
    const features: Feature[] = []
    const chosen: Feature[] = []
    for (const { vehicle: v, status, stale } of rows) {
      if (v.lat === null || v.lon === null) continue
      drawn.push([v.id, v.lon, v.lat])
      ;(v.id === selected ? chosen : features).push({
        type: 'Feature',
        properties: {
          id: v.id,
          status,
          label: stale ? `${v.label}\n${age(v.t, now)}` : v.label,
          heading: v.heading_deg ?? 0,
          pointed: v.status === 'moving' && v.heading_deg !== null && !stale && status !== 'moving',
          alerts: v.alerts,
          alarm: status === 'alarm' ? 1 : 0,
          order: status === 'alarm' ? 2 : status === 'late' ? 1 : 0,
        },
        geometry: { type: 'Point', coordinates: [v.lon, v.lat] },
      })
    }
    this.#drawn = drawn
    this.#set('vehicles', features)
    this.#set('chosen', chosen)
  }

  /** Joins near vehicles into counted circles at low zooms. */
  cluster(on: boolean): void {
    if (on === this.#clustered) return
    this.#clustered = on
    if (this.#loaded) void this.map.getSource<maplibregl.GeoJSONSource>('vehicles')?.setClusterOptions({ ...CLUSTER, cluster: on })
  }

  sites(sites: Iterable<Site>, chosen: string | null): void {
    const { areas, points } = siteFeatures(sites, chosen)
    this.#set('areas', areas)
    this.#set('sites', points)
  }

  plans(shipments: Iterable<Shipment>, selected: string | null): void {
    const lines: Feature[] = []
    for (const { planned_line, status, vehicle } of shipments) {
      if (planned_line && status !== 'delivered') lines.push(lineFeature(planned_line, { selected: vehicle !== null && vehicle === selected }))
    }
    this.#set('plans', lines)
  }

  stops(stops: readonly Stop[]): void {
    this.#set(
      'stops',
      stops.map(({ seq, lat, lon, arrived_at }) => ({
        type: 'Feature',
        properties: { seq: String(seq), done: arrived_at !== null },
        geometry: { type: 'Point', coordinates: [lon, lat] },
      })),
    )
  }

  /** The driven line, broken where more than ten minutes are unknown. */
  trail(points: readonly Pick<TrackPoint, 't' | 'lat' | 'lon'>[]): void {
    const parts: Position[][] = []
    let before = -Infinity
    for (const { t, lat, lon } of points) {
      const at = Date.parse(t)
      if (at - before > 600_000) parts.push([])
      parts.at(-1)?.push([lon, lat])
      before = at
    }
    const lines = parts.filter((line) => line.length > 1).map((line) => continuous(line))
    this.#set('trail', lines.length ? [{ type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: lines } }] : [])
  }

  paint(p: Palette): void {
    this.#palette = p
    if (!this.#loaded) return
    putIcons(this.map, p)
    paintBase(this.map, p)
    for (const layer of [...layers(p, FONT_BOLD), ...vehicleLayers(p, FONT, FONT_BOLD)]) {
      for (const [key, value] of Object.entries(layer.paint ?? {})) this.map.setPaintProperty(layer.id, key as never, value as never)
    }
  }

  /** True when the address named a view; then nothing is fitted for the user. */
  static viewGiven(): boolean {
    return location.hash.startsWith('#map=')
  }

  fit(positions: readonly (readonly [number, number])[], animate: boolean): void {
    if (!positions.length) return
    const bounds = new maplibregl.LngLatBounds()
    for (const [lon, lat] of positions) bounds.extend([lon, lat])
    this.map.fitBounds(bounds, { padding: { top: 72, bottom: 56, left: 64, right: 64 }, maxZoom: 13, animate })
  }

  /** Goes there, and near enough to see what is around. */
  near(lon: number, lat: number, zoom: number): void {
    this.goto(lon, lat, Math.max(zoom, this.map.getZoom()))
  }

  goto(lon: number, lat: number, zoom?: number): void {
    this.#resized()
    this.map.easeTo({ center: [lon, lat], ...(zoom === undefined ? {} : { zoom }), duration: 500 })
  }

  /** Is this point inside the view, away from its edges? */
  sees(lon: number, lat: number): boolean {
    this.#resized()
    const { x, y } = this.map.project([lon, lat])
    const { clientWidth, clientHeight } = this.map.getContainer()
    return x > 40 && y > 40 && x < clientWidth - 40 && y < clientHeight - 40
  }

  /** Details that have just opened take room; the map hears of it later, and a move under way would end beside its goal. */
  #resized(): void {
    const [box, canvas] = [this.map.getContainer(), this.map.getCanvas()]
    if (box.clientWidth !== canvas.clientWidth || box.clientHeight !== canvas.clientHeight) this.map.resize()
  }

  zoom(): number {
    return this.map.getZoom()
  }

  /** Whether a vehicle is drawn inside the view. */
  seesVehicle(id: string): boolean {
    const [, lon, lat] = this.#drawn.find(([drawn]) => drawn === id) ?? []
    return lon !== undefined && lat !== undefined && this.sees(lon, lat)
  }

  remove(): void {
    this.map.remove()
  }
}
