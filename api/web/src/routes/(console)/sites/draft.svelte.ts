// The fence that is being made or changed: as it is typed, and as it is drawn; both say the same. Every step can be undone.
import type { Geometry } from 'geojson'

import { m } from '#messages/sites.ts'
import type { Site } from '#shared/api/shapes.ts'

import { centreOf, faultOf, fenceOf, metres, moved, readShape, round, shapeOf } from './fence.ts'
import type { Fence, Shape } from './fence.ts'
import { fenceOfSite } from './sites.svelte.ts'

/** Draw a shape, or change the one there is. */
export type Tool = 'draw' | 'change'

interface Typed {
  shape: Shape
  lat: string
  lon: string
  radius: string
  /** The polygon's corners, or the corridor's line. */
  text: string
}

const NONE: Typed = { shape: 'circle', lat: '', lon: '', radius: '150', text: '' }
const BESIDE_M = 5_000 // a place further off than that from its shape is set anew

const number = (text: string): number => (text.trim() ? Number(text.trim().replace(',', '.')) : NaN)

class Draft {
  /** A draft is open; its map shows it. */
  open = $state(false)
  /** What a pointer does on the map. */
  tool = $state<Tool | null>(null)
  /** The map is there to be drawn on. */
  mapped = $state(false)
  /** Points drawn so far. */
  points = $state(0)
  /** Takes the last point back; false when there is none. */
  undoPoint: () => boolean = () => false
  /** Lets the points drawn so far go. */
  restart: () => void = () => undefined
  /** Fences that a file would bring. */
  given = $state.raw<readonly (Fence & { id: string; label: string })[]>([])
  typed = $state.raw<Typed>(NONE)
  #past = $state.raw<readonly Typed[]>([])

  readonly undoable = $derived(this.#past.length > 0)
  readonly #read = $derived.by((): { fence: Fence | null; fault: string } => {
    const { shape, lat, lon, radius, text } = this.typed
    let fence: Fence = { lat: number(lat), lon: number(lon), radius_m: number(radius), polygon: null, corridor: null }
    try {
      if (shape !== 'circle') {
        const read = fenceOf(readShape(text), fence.radius_m)
        if (shapeOf(read) !== shape) throw new Error(shape === 'polygon' ? m.fault_not_area : m.fault_not_line)
        fence = lat.trim() && lon.trim() ? { ...read, lat: fence.lat, lon: fence.lon } : read
        if (shape === 'polygon') fence.radius_m = fence.radius_m >= 10 ? fence.radius_m : 150
      }
      const fault = faultOf(fence)
      return { fence: fault ? null : fence, fault }
    } catch (error) {
      return { fence: null, fault: (error as Error).message }
    }
  })
  /** The fence when it is one. */
  readonly fence = $derived(this.#read.fence)
  /** What is wrong with it, in words. */
  readonly fault = $derived(this.#read.fault)

  /** Begins with a site's fence, or with none. */
  begin(site?: Site): void {
    this.typed = site ? typedOf(fenceOfSite(site)) : NONE
    this.#past = []
    this.tool = null
    this.points = 0
    this.open = true
  }

  end(): void {
    this.open = false
    this.tool = null
    this.#past = []
  }

  change(to: Partial<Typed>): void {
    const next = { ...this.typed, ...to }
    if (JSON.stringify(next) === JSON.stringify(this.typed)) return
    this.#past = [...this.#past.slice(-99), this.typed]
    this.typed = next
  }

  undo(): void {
    if (this.tool === 'draw' && this.points && this.undoPoint()) return
    const before = this.#past.at(-1)
    if (!before) return
    this.#past = this.#past.slice(0, -1)
    this.typed = before
  }

  /** Another shape; a circle's place stays, corners of another shape do not. */
  reshape(shape: Shape): void {
    this.change({ shape, text: '' })
  }

  /** The text was typed or drawn: where the place is no longer beside it, it is set anew. */
  retext(text: string): void {
    let place: Partial<Typed> = {}
    try {
      const [lon = NaN, lat = NaN] = centreOf(readShape(text))
      const [x, y] = [number(this.typed.lon), number(this.typed.lat)]
      if (!Number.isFinite(x + y) || metres([lon, lat], [x, y]) > BESIDE_M) place = { lat: String(lat), lon: String(lon) }
    } catch {
      // what is wrong with it stands below the field
    }
    this.change({ text, ...place })
  }

  /** The place is elsewhere, and its shape goes with it. */
  move(lat: string, lon: string): void {
    const [before, y, x] = [this.fence, number(lat), number(lon)]
    const fence = before && this.typed.shape !== 'circle' && Number.isFinite(x + y) ? moved(before, y, x) : null
    this.change({ lat, lon, ...(fence ? { text: textOf(fence) } : {}) })
  }

  /** What was drawn. */
  draw(geometry: Geometry): void {
    this.retext(JSON.stringify(rounded(geometry)))
    if (this.tool) this.tool = 'change'
  }

  circle(lat: number, lon: number, radius?: number): void {
    this.change({ shape: 'circle', lat: String(round(lat)), lon: String(round(lon)), ...(radius === undefined ? {} : { radius: String(Math.max(10, Math.round(radius))) }) })
    if (this.tool) this.tool = 'change'
  }
}

const textOf = (fence: Fence): string => (fence.polygon ?? fence.corridor ? JSON.stringify(fence.polygon ?? fence.corridor) : '')

const typedOf = (fence: Fence): Typed => ({
  shape: shapeOf(fence),
  lat: String(fence.lat),
  lon: String(fence.lon),
  radius: String(fence.radius_m),
  text: textOf(fence),
})

function rounded<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, each: unknown) => (typeof each === 'number' ? round(each) : each)) as T
}

export const draft = new Draft()
