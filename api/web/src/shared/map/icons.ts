// The status shapes as map images, drawn here so that the map needs no sprite file: an arrow for moving, a square for
// stopped, a triangle for late risk, a diamond for alarm, a hollow ring for stale. The same shapes as StatusShape.svelte.
import type { Palette } from './theme.ts'

const SIZE = 32
const RATIO = 2

type Draw = (c: CanvasRenderingContext2D) => void

const path = (points: readonly [number, number][]): Draw => (c) => {
  c.beginPath()
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)))
  c.closePath()
}

const arrow = path([[16, 4], [25, 27], [16, 22], [7, 27]])
const square = path([[8, 8], [24, 8], [24, 24], [8, 24]])
const triangle = path([[16, 5], [28, 26], [4, 26]])
const diamond = path([[16, 3], [29, 16], [16, 29], [3, 16]])
const chevron = path([[16, 0], [21, 8], [16, 5.5], [11, 8]])
const circle = (r: number): Draw => (c) => {
  c.beginPath()
  c.arc(16, 16, r, 0, 2 * Math.PI)
}

function image(draw: (c: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIZE * RATIO
  const c = canvas.getContext('2d', { willReadFrequently: true })!
  c.scale(RATIO, RATIO)
  c.lineJoin = 'round'
  draw(c)
  return c.getImageData(0, 0, canvas.width, canvas.height)
}

function filled(shape: Draw, fill: string, edge: string): ImageData {
  return image((c) => {
    shape(c)
    c.lineWidth = 4
    c.strokeStyle = edge
    c.stroke()
    c.fillStyle = fill
    c.fill()
  })
}

function ring(colour: string, edge: string, dot: boolean): ImageData {
  return image((c) => {
    circle(8.5)(c)
    c.fillStyle = edge
    c.fill()
    c.lineWidth = 7
    c.strokeStyle = edge
    c.stroke()
    c.lineWidth = 3.5
    c.strokeStyle = colour
    c.stroke()
    if (!dot) return
    circle(2.5)(c)
    c.fillStyle = colour
    c.fill()
  })
}

/** All images by name; `pixelRatio` belongs to each of them. */
export function icons(p: Palette): { name: string; data: ImageData; pixelRatio: number }[] {
  const edge = p.surface
  const images: Record<string, ImageData> = {
    moving: filled(arrow, p.moving, edge),
    stopped: filled(square, p.stopped, edge),
    late: filled(triangle, p.late, edge),
    alarm: filled(diamond, p.alarm, edge),
    stale: ring(p.stale, edge, false),
    unknown: ring(p.stale, edge, true),
    heading: filled(chevron, p.text, edge),
    site: filled(square, p['text-2'], edge),
  }
  return Object.entries(images).map(([name, data]) => ({ name, data, pixelRatio: RATIO }))
}
