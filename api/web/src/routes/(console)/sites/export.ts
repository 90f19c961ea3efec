// All sites as a file of GeoJSON, which the import reads back.
import type { FeatureCollection } from 'geojson'

import type { Site } from '#shared/api/shapes.ts'
import { saveText } from '#shared/table.ts'

export function geojsonOf(sites: readonly Site[]): FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: sites.map(({ id, label, kind, lat, lon, radius_m, polygon, corridor, dwell_s, tz, zones }) => ({
      type: 'Feature',
      id,
      properties: { id, label, kind, lat, lon, radius_m, dwell_s, tz, zones },
      geometry: (polygon ?? corridor ?? { type: 'Point', coordinates: [lon, lat] }) as FeatureCollection['features'][number]['geometry'],
    })),
  }
}

export const saveAll = (sites: readonly Site[]): void => saveText(JSON.stringify(geojsonOf(sites), null, 1), 'sites.geojson', 'application/geo+json')
