// The rounds of a plan on a map: a line for each vehicle, its stops with their numbers; what is left out hollow.
import type { Feature, Position } from 'geojson'

import type { DispatchPlan } from '#shared/api/shapes.ts'
import { continuous } from '#shared/continuous.ts'
import { baseStyle, drawGrid, FONT_BOLD, maplibregl, NOTHING, paintBase } from '#shared/map/base.ts'
import type { Palette } from '#shared/map/theme.ts'
import { mapWords } from '#shared/map/words.ts'

const KEYS = ['accent', 'moving', 'stopped', 'late', 'alarm', 'stale'] as const

export class PlanMap {
  readonly #map: maplibregl.Map
  #palette: Palette
  #loaded = false
  #shown: [DispatchPlan, string | null] | undefined
  #fitted = ''

  constructor(container: HTMLElement, style: string | null, p: Palette, title: string, chose: (order: string) => void) {
    this.#palette = p
    this.#map = new maplibregl.Map({
      container, style: style ?? baseStyle(p), center: [10, 50], zoom: 3, cooperativeGestures: true, dragRotate: false, maxPitch: 0,
      attributionControl: { compact: true }, locale: mapWords(title),
    })
    this.#map.addControl(new maplibregl.NavigationControl({ showCompass: false }), 'top-right')
    this.#map.on('style.load', () => this.#build())
    this.#map.on('moveend', () => drawGrid(this.#map))
    this.#map.on('click', 'stops', ({ features }) => {
      const order: unknown = features?.[0]?.properties['order']
      if (typeof order === 'string') chose(order)
    })
  }

  #build(): void {
    const [map, p] = [this.#map, this.#palette]
    this.#loaded = true
    map.addSource('rounds', { type: 'geojson', data: NOTHING })
    const line = { 'line-cap': 'round', 'line-join': 'round' } as const
    map.addLayer({ id: 'lines', type: 'line', source: 'rounds', filter: ['==', ['get', 'kind'], 'line'], layout: line,
      paint: { 'line-color': ['get', 'colour'], 'line-width': ['case', ['get', 'chosen'], 5, 2.5], 'line-opacity': ['case', ['get', 'dim'], 0.25, 0.9] } })
    map.addLayer({ id: 'stops', type: 'circle', source: 'rounds', filter: ['==', ['get', 'kind'], 'stop'],
      paint: { 'circle-radius': 10, 'circle-color': ['get', 'fill'], 'circle-stroke-color': ['get', 'colour'], 'circle-stroke-width': 3 } })
    map.addLayer({ id: 'numbers', type: 'symbol', source: 'rounds', filter: ['==', ['get', 'kind'], 'stop'],
      layout: { 'text-field': ['get', 'n'], 'text-font': FONT_BOLD, 'text-size': 12, 'text-allow-overlap': true }, paint: { 'text-color': p.text } })
    map.addLayer({ id: 'home', type: 'symbol', source: 'rounds', filter: ['==', ['get', 'kind'], 'home'],
      layout: { 'text-field': ['get', 'n'], 'text-font': FONT_BOLD, 'text-size': 14, 'text-allow-overlap': true },
      paint: { 'text-color': p.text, 'text-halo-color': p.land, 'text-halo-width': 2 } })
    drawGrid(map)
    if (this.#shown) this.show(...this.#shown)
  }

  show(plan: DispatchPlan, chosen: string | null): void {
    this.#shown = [plan, chosen]
    if (!this.#loaded) return
    const p = this.#palette
    const features: Feature[] = []
    const seen: Position[] = [[plan.lon, plan.lat]]
    for (const [k, route] of plan.routes.filter(({ stops }) => stops.length).entries()) {
      const colour = p[KEYS[k % KEYS.length] ?? 'accent']
      const way: Position[] = [[route.lon, route.lat], ...route.stops.map(({ lon, lat }) => [lon, lat]), [plan.lon, plan.lat]]
      const is = { chosen: route.vehicle === chosen, dim: chosen !== null && route.vehicle !== chosen }
      features.push({ type: 'Feature', properties: { kind: 'line', colour, ...is }, geometry: { type: 'LineString', coordinates: continuous(way) } })
      for (const [n, stop] of route.stops.entries()) {
        seen.push([stop.lon, stop.lat])
        features.push(point([stop.lon, stop.lat], { kind: 'stop', colour, fill: p.surface, n: String(n + 1), order: stop.order }))
      }
    }
    for (const left of plan.left_out) {
      seen.push([left.lon, left.lat])
      features.push(point([left.lon, left.lat], { kind: 'stop', colour: p['line-strong'], fill: p.surface, n: '×', order: left.order }))
    }
    features.push(point([plan.lon, plan.lat], { kind: 'home', n: '◆' }))
    void this.#map.getSource<maplibregl.GeoJSONSource>('rounds')?.setData({ type: 'FeatureCollection', features })
    if (this.#fitted === plan.id) return
    this.#fitted = plan.id
    const bounds = new maplibregl.LngLatBounds()
    for (const [lon = 0, lat = 0] of continuous(seen)) bounds.extend([lon, lat])
    this.#map.fitBounds(bounds, { padding: 40, maxZoom: 13, animate: false })
  }

  paint(p: Palette): void {
    this.#palette = p
    if (!this.#loaded) return
    paintBase(this.#map, p)
    for (const layer of ['numbers', 'home']) this.#map.setPaintProperty(layer, 'text-color', p.text)
    this.#map.setPaintProperty('home', 'text-halo-color', p.land)
    if (this.#shown) this.show(...this.#shown)
  }

  remove(): void {
    this.#map.remove()
  }
}

function point(coordinates: Position, properties: Record<string, unknown>): Feature {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates } }
}
