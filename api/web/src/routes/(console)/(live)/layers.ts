// The layers of the live map, bottom to top, as functions of the palette.
import type { AddLayerObject, ExpressionSpecification } from 'maplibre-gl'

import { fenceLayers, placeLayers } from '#shared/map/sites.ts'
import type { Palette } from '#shared/map/theme.ts'

type Layer = Exclude<AddLayerObject, { type: 'custom' }>

export const CLUSTER = {
  clusterRadius: 48,
  clusterMaxZoom: 10,
  clusterProperties: { alarms: ['+', ['get', 'alarm']] as ExpressionSpecification },
}

const clustered: ExpressionSpecification = ['has', 'point_count']
const single: ExpressionSpecification = ['!', ['has', 'point_count']]
const flag = (name: string): ExpressionSpecification => ['==', ['get', name], true]
const when = <T,>(name: string, yes: T, no: T): ExpressionSpecification => ['case', flag(name), yes, no] as ExpressionSpecification

export function layers(p: Palette, bold: string[]): Layer[] {
  return [
    ...fenceLayers(p),
    {
      id: 'plan',
      type: 'line',
      source: 'plans',
      layout: { 'line-join': 'round', 'line-cap': 'round', 'line-sort-key': when('selected', 1, 0) },
      paint: {
        'line-color': when('selected', p.accent, p['line-strong']),
        'line-width': when('selected', 4, 2),
        'line-opacity': when('selected', 0.75, 0.5),
      },
    },
    {
      id: 'trail',
      type: 'line',
      source: 'trail',
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': p.text, 'line-width': 2.5, 'line-opacity': 0.8, 'line-dasharray': [0.1, 1.8] },
    },
    ...placeLayers(p, bold),
    {
      id: 'stop',
      type: 'circle',
      source: 'stops',
      paint: {
        'circle-radius': 10,
        'circle-color': when('done', p['surface-3'], p.accent),
        'circle-stroke-color': p.surface,
        'circle-stroke-width': 2,
      },
    },
    {
      id: 'stop-number',
      type: 'symbol',
      source: 'stops',
      layout: { 'text-field': ['get', 'seq'], 'text-font': bold, 'text-size': 12, 'text-allow-overlap': true, 'text-ignore-placement': true },
      paint: { 'text-color': when('done', p.text, p.surface) },
    },
  ]
}

/**
 * Vehicles, and above them the chosen one from a source of its own: it is never hidden in a cluster and lies on top.
 * Its layers carry the same names with `chosen-` before them.
 */
export function vehicleLayers(p: Palette, font: string[], bold: string[]): Layer[] {
  return [
    {
      id: 'cluster',
      type: 'circle',
      source: 'vehicles',
      filter: clustered,
      paint: {
        'circle-color': p.surface,
        'circle-radius': ['step', ['get', 'point_count'], 15, 20, 19, 100, 24],
        'circle-stroke-color': ['case', ['>', ['get', 'alarms'], 0], p.alarm, p.moving],
        'circle-stroke-width': 4,
      },
    },
    {
      id: 'cluster-count',
      type: 'symbol',
      source: 'vehicles',
      filter: clustered,
      layout: { 'text-field': ['get', 'point_count_abbreviated'], 'text-font': bold, 'text-size': 13, 'text-allow-overlap': true },
      paint: { 'text-color': p.text },
    },
    ...markers('vehicles', '', p, font, bold),
    {
      id: 'ring',
      type: 'circle',
      source: 'chosen',
      paint: { 'circle-radius': 20, 'circle-color': p.accent, 'circle-opacity': 0.18, 'circle-stroke-color': p.accent, 'circle-stroke-width': 2 },
    },
    ...markers('chosen', 'chosen-', p, font, bold),
  ]
}

function markers(source: string, prefix: string, p: Palette, font: string[], bold: string[]): Layer[] {
  return [
    {
      id: `${prefix}heading`,
      type: 'symbol',
      source,
      filter: ['all', single, flag('pointed')],
      layout: {
        'icon-image': 'heading',
        'icon-rotate': ['get', 'heading'],
        'icon-rotation-alignment': 'map',
        'icon-size': 1.15,
        'icon-offset': [0, -5],
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
      },
    },
    {
      id: `${prefix}icon`,
      type: 'symbol',
      source,
      filter: single,
      layout: {
        'icon-image': ['get', 'status'],
        'icon-rotate': ['case', ['==', ['get', 'status'], 'moving'], ['get', 'heading'], 0],
        'icon-rotation-alignment': 'map',
        'icon-size': 0.8,
        'icon-allow-overlap': true, // yet labels keep clear of it
        'icon-padding': 0,
        'symbol-sort-key': ['get', 'order'],
      },
    },
    {
      id: `${prefix}count`,
      type: 'symbol',
      source,
      filter: ['all', single, ['==', ['get', 'status'], 'alarm']],
      layout: {
        'text-field': ['to-string', ['get', 'alerts']],
        'text-font': bold,
        'text-size': 11,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
      paint: { 'text-color': p.surface },
    },
    {
      id: `${prefix}label`,
      type: 'symbol',
      source,
      filter: single,
      minzoom: 6,
      layout: {
        'text-field': ['get', 'label'],
        'text-font': font,
        'text-size': 12,
        'text-variable-anchor': ['top', 'bottom', 'right', 'left'],
        'text-radial-offset': prefix ? 2 : 1.3,
        'text-justify': 'auto',
        'symbol-sort-key': ['-', 0, ['get', 'order']],
      },
      paint: { 'text-color': p.text, 'text-halo-color': p.land, 'text-halo-width': 1.5 },
    },
  ]
}
