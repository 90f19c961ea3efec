// Sites on a map: their fences, their names, and how they are drawn.
import type { Feature } from 'geojson'
import type { AddLayerObject, ExpressionSpecification } from 'maplibre-gl'

import type { Site } from '#shared/api/shapes.ts'
import { continuousArea } from '#shared/continuous.ts'

import { circleRing, lineFeature } from './base.ts'
import type { Palette } from './theme.ts'

type Layer = Exclude<AddLayerObject, { type: 'custom' }>
type Fenced = Pick<Site, 'id' | 'label' | 'kind' | 'lat' | 'lon' | 'radius_m' | 'polygon' | 'corridor'>

const M_PER_PX = 78_271.5 // at zoom 0 on the equator
const chosen = <T,>(yes: T, no: T): ExpressionSpecification => ['case', ['==', ['get', 'chosen'], true], yes, no] as ExpressionSpecification

/** Features of fences and of places. */
export function siteFeatures(sites: Iterable<Fenced>, selected: string | null): { areas: Feature[]; points: Feature[] } {
  const areas: Feature[] = []
  const points: Feature[] = []
  for (const site of sites) {
    const properties = { id: site.id, label: site.label, kind: site.kind, chosen: site.id === selected }
    if (site.polygon) areas.push({ type: 'Feature', properties, geometry: continuousArea(site.polygon as Parameters<typeof continuousArea>[0]) })
    else if (site.corridor) {
      const width = (2 * site.radius_m) / (M_PER_PX * Math.max(0.01, Math.cos((site.lat * Math.PI) / 180)))
      areas.push(lineFeature(site.corridor as Parameters<typeof lineFeature>[0], { ...properties, width }))
    } else if (site.radius_m)
      areas.push({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [circleRing(site.lon, site.lat, site.radius_m)] } })
    points.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: [site.lon, site.lat] } })
  }
  return { areas, points }
}

/** Fences; a corridor is as wide as it reaches. `source` has features of `siteFeatures`. */
export function fenceLayers(p: Palette, source = 'areas', prefix = ''): Layer[] {
  return [
    {
      id: `${prefix}area`,
      type: 'fill',
      source,
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': p.accent, 'fill-opacity': chosen(0.22, 0.1) },
    },
    {
      id: `${prefix}corridor`,
      type: 'line',
      source,
      filter: ['has', 'width'],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': p.accent,
        'line-opacity': chosen(0.22, 0.1),
        'line-width': ['interpolate', ['exponential', 2], ['zoom'], 0, ['get', 'width'], 24, ['*', ['get', 'width'], 2 ** 24]],
      },
    },
    { id: `${prefix}area-edge`, type: 'line', source, paint: { 'line-color': p.accent, 'line-width': chosen(2.5, 1.25), 'line-opacity': 0.8 } },
  ]
}

/** Places with their names. */
export function placeLayers(p: Palette, bold: string[], source = 'sites', prefix = ''): Layer[] {
  return [
    {
      id: `${prefix}site-icon`,
      type: 'circle',
      source,
      paint: { 'circle-radius': chosen(6, 5), 'circle-color': p.surface, 'circle-stroke-color': p.accent, 'circle-stroke-width': chosen(4, 2.5) },
    },
    {
      id: `${prefix}site-label`,
      type: 'symbol',
      source,
      minzoom: 5,
      layout: {
        'text-field': ['get', 'label'],
        'text-font': bold,
        'text-size': 12,
        'text-variable-anchor': ['top', 'bottom', 'left', 'right'],
        'text-radial-offset': 0.9,
        'text-optional': true,
      },
      paint: { 'text-color': p.text, 'text-halo-color': p.land, 'text-halo-width': 1.5 },
    },
  ]
}
