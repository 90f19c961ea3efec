// Rings and lines whose longitudes jump from 180° to -180°. Drawn as they are, MapLibre floods whole oceans.
import type { Position } from 'geojson'

export const x = (at: Position): number => at[0] ?? 0
export const y = (at: Position): number => at[1] ?? 0

/** Makes longitudes run on across 180° instead of jumping; tells by how much the end lies beside the beginning. */
export function unroll(line: Position[]): [line: Position[], shift: number] {
  let shift = 0
  const out = line.map((at, i) => {
    const step = x(at) - x(line[i - 1] ?? at)
    shift += step > 180 ? -360 : step < -180 ? 360 : 0
    return [x(at) + shift, y(at)]
  })
  return [out, shift]
}

/** A ring that is not cut at the antimeridian; one that goes round a pole (Antarctica) is closed along the pole. */
export function unwrapRing(ring: Position[]): Position[] {
  const [out, shift] = unroll(ring)
  const [first, last] = [out[0], out.at(-1)]
  if (shift === 0 || !first || !last) return out
  return [...out, [x(last), -90], [x(first), -90], first]
}
