// The customer's small map: the way planned, the place to reach, the vehicle.
import type { Feature, Position } from 'geojson'

import type { PublicShipment } from '#shared/api/shapes.ts'
import { continuous } from '#shared/continuous.ts'
import { canDraw, drawGrid, FONT_BOLD, lineFeature, maplibregl, NOTHING, paintBase, putIcons } from '#shared/map/base.ts'
import type { Palette } from '#shared/map/theme.ts'

export class MiniMap {
  readonly #map: maplibregl.Map
  #palette: Palette
  #loaded = false
  #fitted = false
  #shipment: PublicShipment | undefined

  /** Throws where the browser cannot draw. */
  constructor(container: HTMLElement, style: string, p: Palette, title: string) {
    if (!canDraw()) throw new Error('no WebGL 2')
    this.#palette = p
    this.#map = new maplibregl.Map({
      container,
      style,
      center: [10, 50],
      zoom: 3,
      cooperativeGestures: true,
      dragRotate: false,
      maxPitch: 0,
      attributionControl: { compact: true },
      locale: { 'Map.Title': title },
    })
    this.#map.on('load', () => this.#build())
    this.#map.on('moveend', () => drawGrid(this.#map))
  }

  #build(): void {
    const [map, p] = [this.#map, this.#palette]
    this.#loaded = true
    putIcons(map, p)
    map.addSource('own', { type: 'geojson', data: NOTHING })
    map.addLayer({
      id: 'plan',
      type: 'line',
      source: 'own',
      filter: ['==', ['get', 'kind'], 'plan'],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': p.accent, 'line-width': 4, 'line-opacity': 0.6 },
    })
    map.addLayer({
      id: 'stop',
      type: 'circle',
      source: 'own',
      filter: ['==', ['get', 'kind'], 'stop'],
      paint: { 'circle-radius': 7, 'circle-color': p.surface, 'circle-stroke-color': p.accent, 'circle-stroke-width': 4 },
    })
    map.addLayer({
      id: 'stop-label',
      type: 'symbol',
      source: 'own',
      filter: ['==', ['get', 'kind'], 'stop'],
      layout: { 'text-field': ['get', 'label'], 'text-font': FONT_BOLD, 'text-size': 13, 'text-offset': [0, 1], 'text-anchor': 'top' },
      paint: { 'text-color': p.text, 'text-halo-color': p.land, 'text-halo-width': 1.5 },
    })
    map.addLayer({
      id: 'near',
      type: 'circle',
      source: 'own',
      filter: ['==', ['get', 'kind'], 'near'],
      paint: { 'circle-radius': 40, 'circle-color': p.accent, 'circle-opacity': 0.25, 'circle-stroke-color': p.accent, 'circle-stroke-width': 2 },
    })
    map.addLayer({
      id: 'vehicle',
      type: 'symbol',
      source: 'own',
      filter: ['==', ['get', 'kind'], 'vehicle'],
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-rotate': ['get', 'heading'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
      },
    })
    if (this.#shipment) this.show(this.#shipment)
  }

  show(shipment: PublicShipment): void {
    this.#shipment = shipment
    if (!this.#loaded) return
    const { position, stop, planned_line } = shipment
    const features: Feature[] = []
    const seen: Position[] = []
    if (planned_line) features.push(lineFeature(planned_line, { kind: 'plan' }))
    if (stop?.lat != null && stop.lon != null) {
      seen.push([stop.lon, stop.lat])
      features.push(point([stop.lon, stop.lat], { kind: 'stop', label: stop.name }))
    }
    if (position) {
      const { lon, lat, heading_deg } = position
      seen.push([lon, lat])
      if (position.coarse) features.push(point([lon, lat], { kind: 'near' }))
      else features.push(point([lon, lat], { kind: 'vehicle', icon: heading_deg === null ? 'stopped' : 'moving', heading: heading_deg ?? 0 }))
    }
    void this.#map.getSource<maplibregl.GeoJSONSource>('own')?.setData({ type: 'FeatureCollection', features })
    this.#fit(seen, position)
  }

  /** Once for vehicle and place together; afterwards only when the vehicle leaves the picture. */
  #fit(seen: Position[], position: PublicShipment['position']): void {
    const shown = this.#map.getBounds()
    const inside = position && [-360, 0, 360].some((turn) => shown.contains([position.lon + turn, position.lat]))
    if (!seen.length || (this.#fitted && inside)) return
    const bounds = new maplibregl.LngLatBounds()
    for (const [lon = 0, lat = 0] of continuous(seen)) bounds.extend([lon, lat])
    this.#map.fitBounds(bounds, { padding: 48, maxZoom: position?.coarse ? 9 : 13, animate: this.#fitted })
    this.#fitted = true
  }

  paint(p: Palette): void {
    this.#palette = p
    if (!this.#loaded) return
    putIcons(this.#map, p)
    paintBase(this.#map, p)
    this.#map.setPaintProperty('stop-label', 'text-color', p.text)
    this.#map.setPaintProperty('stop-label', 'text-halo-color', p.land)
    this.#map.setPaintProperty('stop', 'circle-color', p.surface)
    for (const [layer, key] of [['plan', 'line-color'], ['stop', 'circle-stroke-color']] as const)
      this.#map.setPaintProperty(layer, key, p.accent)
  }

  remove(): void {
    this.#map.remove()
  }
}

function point(coordinates: Position, properties: Record<string, unknown>): Feature {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates } }
}
