// Ways and areas over 180 degrees: drawn on past it, not back around the world.
import type { MultiPolygon, Polygon, Position } from 'geojson'

/** The same positions, each longitude within half a turn of the one before; the first within half a turn of `from`. */
export function continuous(line: readonly Position[], from = line[0]?.[0] ?? 0): Position[] {
  let before = from
  return line.map(([lon = 0, ...rest]) => {
    before = lon - 360 * Math.round((lon - before) / 360)
    return [before, ...rest]
  })
}

/** An area whose rings and parts all lie beside one another. */
export function continuousArea(area: Polygon | MultiPolygon): Polygon | MultiPolygon {
  const from = (area.type === 'Polygon' ? area.coordinates : area.coordinates[0])?.[0]?.[0]?.[0]
  const part = (rings: Position[][]): Position[][] => rings.map((ring) => continuous(ring, from))
  return area.type === 'Polygon'
    ? { ...area, coordinates: part(area.coordinates) }
    : { ...area, coordinates: area.coordinates.map(part) }
}
