// Drawing on a map by terra-draw: a circle, a polygon or a line, and changing what is there. Loaded when somebody draws.
import type { Geometry, LineString, Polygon, Position } from 'geojson'
import type { Map } from 'maplibre-gl'
import {
  TerraDraw,
  TerraDrawCircleMode,
  TerraDrawLineStringMode,
  TerraDrawModeUndoRedo,
  TerraDrawPolygonMode,
  TerraDrawSelectMode,
} from 'terra-draw'
import type { HexColor } from 'terra-draw'
import { TerraDrawMapLibreGLAdapter } from 'terra-draw-maplibre-gl-adapter'

import { circleRing } from '#shared/map/base.ts'
import type { Palette } from '#shared/map/theme.ts'

import type { Tool } from './draft.svelte.ts'
import { centreOf, metres, shapeOf } from './fence.ts'
import type { Fence, Shape } from './fence.ts'

export interface Events {
  drawn(geometry: Geometry): void
  circle(lat: number, lon: number, radius: number): void
  points(count: number): void
}

const MODES: Readonly<Record<Shape, string>> = { circle: 'circle', polygon: 'polygon', corridor: 'linestring' }
const ID = '00000000-0000-4000-8000-000000000001'
const DIGITS = 7
const HANDLE_EVERY = 8 // corners of a circle's ring
// Escape is the page's: it takes one step back at a time.
const KEYS = { cancel: null, finish: 'Enter' }

export class Drawing {
  readonly #draw: TerraDraw
  readonly #events: Events
  #tool: Tool | null = null
  #shape: Shape = 'circle'
  #shown = '' // the fence that is in the hands of terra-draw

  constructor(map: Map, p: Palette, events: Events) {
    this.#events = events
    const coordinates = { midpoints: true, draggable: true, deletable: true }
    this.#draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, coordinatePrecision: DIGITS }),
      modes: [
        new TerraDrawCircleMode({ projection: 'globe', drawInteraction: 'click-move-or-drag', keyEvents: KEYS }),
        new TerraDrawPolygonMode({ showCoordinatePoints: true, keyEvents: KEYS }),
        new TerraDrawLineStringMode({ showCoordinatePoints: true, keyEvents: KEYS }),
        new TerraDrawSelectMode({
          allowManualDeselection: false,
          flags: {
            polygon: { feature: { draggable: true, coordinates } },
            linestring: { feature: { draggable: true, coordinates } },
            circle: { feature: { draggable: true, coordinates: { draggable: false, resizable: 'center-fixed' } } },
          },
        }),
      ],
      undoRedo: { modeLevel: new TerraDrawModeUndoRedo() },
    })
    this.#draw.on('finish', (id) => this.#finished(String(id)))
    this.#draw.on('change', () => events.points(this.#points()))
    this.#draw.start()
    this.paint(p)
    this.#draw.setMode('static')
  }

  /** Draws a shape anew, changes the one there is, or does neither. */
  use(tool: Tool | null, fence: Fence | null, shape: Shape = fence ? shapeOf(fence) : this.#shape): void {
    const told = JSON.stringify([tool, shape, tool === 'change' ? fence : null])
    if (told === this.#shown) return
    this.#shown = told
    this.#tool = tool
    this.#shape = shape
    this.#draw.setMode('static')
    this.#draw.clear()
    this.#events.points(0)
    if (tool === 'draw') this.#draw.setMode(MODES[shape])
    if (tool === 'change' && fence) this.#take(fence)
  }

  #take(fence: Fence): void {
    const area = fence.polygon ?? fence.corridor ?? { type: 'Polygon', coordinates: [circleRing(fence.lon, fence.lat, fence.radius_m).filter((_at, i) => i % HANDLE_EVERY === 0)] }
    if (area.type === 'MultiPolygon') return
    const short = (value: unknown): unknown => (Array.isArray(value) ? value.map(short) : Number(Number(value).toFixed(DIGITS)))
    const geometry = { type: area.type, coordinates: short(area.coordinates) } as Polygon | LineString
    const [found] = this.#draw.addFeatures([{ id: ID, type: 'Feature', properties: { mode: MODES[shapeOf(fence)] }, geometry }])
    this.#draw.setMode('select')
    if (found?.valid) this.#draw.selectFeature(ID)
  }

  /** Begins the drawing anew. */
  restart(): void {
    this.#shown = ''
    this.use(this.#tool, null, this.#shape)
  }

  /** Takes the last point of what is being drawn back. */
  undo(): boolean {
    return this.#draw.canUndo() && this.#draw.undo()
  }

  #points(): number {
    if (this.#tool !== 'draw') return 0
    const [drawn] = this.#draw.getSnapshot().filter(({ properties }) => properties['mode'] === MODES[this.#shape])
    const at = drawn?.geometry.coordinates ?? []
    return this.#shape === 'corridor' ? at.length : ((at[0] as Position[] | undefined)?.length ?? 0)
  }

  #finished(id: string): void {
    const found = this.#draw.getSnapshotFeature(id)
    if (!found) return
    const geometry = found.geometry as Geometry
    if (this.#shape === 'circle' && geometry.type === 'Polygon') {
      const [ring = []] = geometry.coordinates
      const [lon = 0, lat = 0] = centreOf(geometry)
      this.#events.circle(lat, lon, ring.reduce((sum, at) => sum + metres(at, [lon, lat]), 0) / Math.max(1, ring.length))
    } else this.#events.drawn(geometry)
  }

  paint(p: Palette): void {
    const [line, ground] = [hex(p.alarm), hex(p.surface)]
    const point = { coordinatePointColor: ground, coordinatePointOutlineColor: line, coordinatePointWidth: 5, coordinatePointOutlineWidth: 2 }
    const closing = { closingPointColor: line, closingPointOutlineColor: ground, closingPointWidth: 6 }
    const fill = { fillColor: line, fillOpacity: 0.15, outlineColor: line, outlineWidth: 2 }
    this.#draw.updateModeOptions<typeof TerraDrawCircleMode>('circle', { styles: fill })
    this.#draw.updateModeOptions<typeof TerraDrawPolygonMode>('polygon', { styles: { ...fill, ...closing, ...point } })
    this.#draw.updateModeOptions<typeof TerraDrawLineStringMode>('linestring', { styles: { lineStringColor: line, lineStringWidth: 3, ...closing, ...point } })
    this.#draw.updateModeOptions<typeof TerraDrawSelectMode>('select', {
      styles: {
        selectedPolygonColor: line,
        // A circle's eight corners are handles; the circle itself is drawn by the map.
        selectedPolygonFillOpacity: ({ properties }) => (properties['mode'] === 'circle' ? 0 : 0.15),
        selectedPolygonOutlineColor: line,
        selectedPolygonOutlineWidth: ({ properties }) => (properties['mode'] === 'circle' ? 1 : 2),
        selectedPolygonOutlineOpacity: ({ properties }) => (properties['mode'] === 'circle' ? 0.35 : 1),
        selectedLineStringColor: line,
        selectedLineStringWidth: 3,
        selectionPointColor: ground,
        selectionPointOutlineColor: line,
        selectionPointWidth: 7,
        selectionPointOutlineWidth: 2,
        midPointColor: line,
        midPointOutlineColor: ground,
        midPointWidth: 4,
        midPointOutlineWidth: 1,
      },
    })
  }

  stop(): void {
    if (this.#draw.enabled) this.#draw.stop()
  }
}

/** 'rgb(1, 2, 3)' → '#010203'. */
function hex(colour: string): HexColor {
  const parts = colour.match(/[\d.]+/g)?.slice(0, 3) ?? []
  return `#${parts.map((each) => Math.round(Number(each)).toString(16).padStart(2, '0')).join('')}`
}
