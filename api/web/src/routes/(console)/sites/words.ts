// A fence and what depends on a site, in words.
import { m } from '#messages/sites.ts'
import { distance, length } from '#shared/format.ts'

import { positionsOf } from './fence.ts'
import type { Fence } from './fence.ts'
import type { Dependents } from './sites.svelte.ts'

const M_PER_DEG = 111_195

export const metresTold = (metres: number): string => (metres < 10_000 ? length(metres) : distance(metres))
export const place = (lat: number, lon: number): string => `${lat.toFixed(5)}, ${lon.toFixed(5)}`.replaceAll('-', '−')

/** 'Circle, 150 m around'. */
export function fenceTold(fence: Fence): string {
  if (fence.polygon) {
    const all = positionsOf(fence.polygon)
    const [xs, ys] = [all.map(([x = 0]) => x), all.map(([, y = 0]) => y)]
    const wide = (Math.max(...xs) - Math.min(...xs)) * M_PER_DEG * Math.cos((fence.lat * Math.PI) / 180)
    const parts = fence.polygon.type === 'Polygon' ? fence.polygon.coordinates.length : fence.polygon.coordinates.flat().length
    return m.polygon_told(all.length - parts, `${distance(wide)} × ${distance((Math.max(...ys) - Math.min(...ys)) * M_PER_DEG)}`)
  }
  if (fence.corridor) return m.corridor_told(fence.corridor.coordinates.length, metresTold(fence.radius_m))
  return m.circle_told(metresTold(fence.radius_m))
}

/** '1 device, 12 visits'; those of now only, where `now`. */
export const dependsTold = (all: Dependents, now = false): string =>
  all
    .map(({ what, count, now: present }) => [what, now ? present : count] as const)
    .filter(([, count]) => count)
    .map(([what, count]) => m.depends(what, count))
    .join(', ')
