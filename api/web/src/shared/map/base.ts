// What every map of Frostway stands on: MapLibre with its worker as a file of our own origin, and the bundled base map,
// which needs no network, no glyph and no sprite. Import this file dynamically: it brings all of MapLibre.
import type { FeatureCollection, LineString, Position } from 'geojson'
import * as maplibregl from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import 'maplibre-gl/dist/maplibre-gl.css'

import worldUrl from '#basemap/world.json?url'
import { continuous } from '#shared/continuous.ts'

import './controls.css'
import { icons } from './icons.ts'
import type { Palette } from './theme.ts'

maplibregl.setWorkerUrl(workerUrl)

export { maplibregl }

// Without a glyph address MapLibre draws letters with the viewer's own fonts.
export const FONT = ['system-ui', 'sans-serif']
export const FONT_BOLD = ['Semibold', 'system-ui', 'sans-serif'] // the weight is read off the first name

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** The offline base map: sea, land, borders, and a faint grid of degrees that gives scale where the land is plain. */
export function baseStyle(p: Palette): maplibregl.StyleSpecification {
  return {
    version: 8,
    sources: {
      world: { type: 'geojson', data: worldUrl, tolerance: 0.2, attribution: 'Base map: Natural Earth' },
      grid: { type: 'geojson', data: NOTHING },
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': p.sea } },
      { id: 'land', type: 'fill', source: 'world', filter: ['==', ['get', 'kind'], 'land'], paint: { 'fill-color': p.land } },
      { id: 'coast', type: 'line', source: 'world', filter: ['==', ['get', 'kind'], 'land'], paint: { 'line-color': p.line, 'line-width': 1 } },
      { id: 'grid', type: 'line', source: 'grid', paint: { 'line-color': p.line, 'line-width': 0.5, 'line-opacity': 0.7 } },
      { id: 'borders', type: 'line', source: 'world', filter: ['==', ['get', 'kind'], 'border'], paint: { 'line-color': p['line-strong'], 'line-width': 0.75, 'line-dasharray': [4, 2] } },
    ],
  }
}

/** Repaints the base layers in other colours without loading anything again. */
export function paintBase(map: maplibregl.Map, p: Palette): void {
  if (!map.getLayer('sea')) return
  map.setPaintProperty('sea', 'background-color', p.sea)
  map.setPaintProperty('land', 'fill-color', p.land)
  map.setPaintProperty('coast', 'line-color', p.line)
  map.setPaintProperty('grid', 'line-color', p.line)
  map.setPaintProperty('borders', 'line-color', p['line-strong'])
}

export function putIcons(map: maplibregl.Map, p: Palette): void {
  for (const { name, data, pixelRatio } of icons(p)) {
    if (map.hasImage(name)) map.updateImage(name, data)
    else map.addImage(name, data, { pixelRatio })
  }
}

const GRID_STEPS = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]

/** Draws the grid for the present view; steps are chosen so that a view has about ten lines. */
export function drawGrid(map: maplibregl.Map): void {
  const source = map.getSource<maplibregl.GeoJSONSource>('grid')
  if (!source) return
  const bounds = map.getBounds()
  const [w, s, e, n] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]
  const step = GRID_STEPS.findLast((x) => (e - w) / x < 14) ?? 10
  const lines: Position[][] = []
  if (map.getZoom() > 3) {
    for (let x = Math.floor(w / step) * step; x <= e; x += step) lines.push([[x, s - step], [x, n + step]])
    for (let y = Math.floor(s / step) * step; y <= n; y += step) lines.push([[w - step, y], [e + step, y]])
  }
  void source.setData({ type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: lines } })
}

export function lineFeature(line: LineString, properties: Record<string, unknown> = {}): GeoJSON.Feature {
  return { type: 'Feature', properties, geometry: { ...line, coordinates: continuous(line.coordinates) } }
}

/** A circle of a radius in metres as a closed ring of 64 corners (flat-earth offsets: fine for a site's size). */
export function circleRing(lon: number, lat: number, radiusM: number): Position[] {
  const ring: Position[] = []
  const dLat = radiusM / 111_320
  const dLon = dLat / Math.max(0.01, Math.cos((lat * Math.PI) / 180))
  for (let i = 0; i <= 64; i++) {
    const a = (2 * Math.PI * i) / 64
    ring.push([lon + dLon * Math.cos(a), lat + dLat * Math.sin(a)])
  }
  return ring
}

/** Whether this browser can draw a map at all. */
export function canDraw(): boolean {
  return !!document.createElement('canvas').getContext('webgl2')
}
