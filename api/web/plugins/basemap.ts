// Makes the offline base map of Natural Earth's land and borders (npm world-atlas) before anything is bundled.
// The result is kept in node_modules, where nothing built can reach the repository; src/map/base.ts takes it as an asset.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

import type { Feature, FeatureCollection, MultiLineString, MultiPolygon, Polygon, Position } from 'geojson'
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import type { Plugin } from 'vite'

import { unroll, unwrapRing, x, y } from './rings.ts'

type World = Topology<{ land: GeometryCollection; countries: GeometryCollection }>

const ATLAS = createRequire(import.meta.url).resolve('world-atlas/countries-50m.json')
const FOLDER = fileURLToPath(new URL('../node_modules/.frostway/', import.meta.url))
const DECIMALS = 3 // 100 m, finer than the data are

/** Writes `node_modules/.frostway/world.json` before each build. */
export function basemap(): Plugin {
  return {
    name: 'frostway-basemap',
    enforce: 'pre',
    buildStart: write,
    configureServer: write,
  }
}

function write(): void {
  const path = `${FOLDER}world.json`
  mkdirSync(FOLDER, { recursive: true })
  const text = JSON.stringify(collect(JSON.parse(readFileSync(ATLAS, 'utf8')) as World))
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path) // whole or not at all
}

/** Land as polygons and inner borders as lines, told apart by the property `kind`. */
export function collect(world: World): FeatureCollection {
  const found = feature(world, world.objects.land)
  const land = 'features' in found ? found.features : [found]
  const borders = mesh(world, world.objects.countries as never, (a, b) => a !== b)
  return {
    type: 'FeatureCollection',
    features: [...land.flatMap((each) => landFeature(each as Feature<Polygon | MultiPolygon>)), borderFeature(borders)],
  }
}

function landFeature({ geometry }: Feature<Polygon | MultiPolygon>): Feature<MultiPolygon>[] {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  const coordinates = polygons.map((rings) => rings.map((ring) => round(unwrapRing(ring))))
  return [{ type: 'Feature', properties: { kind: 'land' }, geometry: { type: 'MultiPolygon', coordinates } }]
}

function borderFeature({ coordinates }: MultiLineString): Feature<MultiLineString> {
  const lines = coordinates.map((line) => round(unroll(line)[0]))
  return { type: 'Feature', properties: { kind: 'border' }, geometry: { type: 'MultiLineString', coordinates: lines } }
}

function round(line: Position[]): Position[] {
  const scale = 10 ** DECIMALS
  return line.map((at) => [Math.round(x(at) * scale) / scale, Math.round(y(at) * scale) / scale])
}
