// The temperature chart: line, limits, shading beyond the limits and over each excursion. Loaded only when one is shown.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { m } from '#messages/shared.ts'
import { palette } from '#shared/map/theme.ts'

import type { Series } from './api/shapes.ts'
import { clockSeconds, clockTime, decimal, degrees, MISSING, ms, short, tempUnit, zoneName } from './format.ts'

const GAP_S = 900

/** Points → columns in seconds and degrees as they are shown, with a hole wherever nothing came for 15 minutes: unknown is not a straight line. */
export function columns(series: Series): [number[], (number | null)[]] {
  const x: number[] = []
  const y: (number | null)[] = []
  for (const { t, temp_c } of series.points) {
    const at = Date.parse(t) / 1000
    const before = x.at(-1)
    if (before !== undefined && at - before > GAP_S) {
      x.push(before + 1)
      y.push(null)
    }
    x.push(at)
    y.push(temp_c === null ? null : degrees(temp_c))
  }
  return [x, y]
}

export interface Chart {
  update(series: Series, from: number, to: number): void
  resize(width: number): void
  destroy(): void
}

/** Draws into `box`; `from` and `to` (ms) are the ends of the time axis. */
export function chart(box: HTMLElement, first: Series, from: number, to: number, height: number): Chart {
  const p = palette()
  let series = first
  let range: [number, number] = [from / 1000, to / 1000]

  function shade(u: uPlot): void {
    const { ctx, bbox } = u
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    const y = (celsius: number): number => u.valToPos(degrees(celsius), 'y', true)
    const x = (time: number): number => u.valToPos(time / 1000, 'x', true)
    ctx.fillStyle = p.alarm
    ctx.globalAlpha = 0.22
    for (const { start, end } of series.excursions) {
      const left = x(ms(start))
      const right = end ? x(ms(end)) : x(range[1] * 1000)
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height)
    }
    for (const [limit, edge, colour] of [
      [series.high_c, bbox.top, p.alarm],
      [series.low_c, bbox.top + bbox.height, p.stopped],
    ] as const) {
      if (limit === null) continue
      ctx.globalAlpha = 0.08
      ctx.fillStyle = colour
      ctx.fillRect(bbox.left, Math.min(edge, y(limit)), bbox.width, Math.abs(edge - y(limit)))
      ctx.globalAlpha = 1
      ctx.strokeStyle = colour
      ctx.lineWidth = devicePixelRatio
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio])
      ctx.beginPath()
      ctx.moveTo(bbox.left, y(limit))
      ctx.lineTo(bbox.left + bbox.width, y(limit))
      ctx.stroke()
      ctx.setLineDash([])
    }
    ctx.restore()
  }

  function span(_u: uPlot, low: number | null, high: number | null): [number, number] {
    const ends = [low, high, ...[series.low_c, series.high_c].map((limit) => (limit === null ? null : degrees(limit)))].filter((v): v is number => v !== null)
    if (!ends.length) return [0, 10]
    const [a, b] = [Math.min(...ends), Math.max(...ends)]
    const room = Math.max(1, (b - a) * 0.12)
    return [Math.floor(a - room), Math.ceil(b + room)]
  }

  const zone = zoneName()
  const axis = {
    stroke: p['text-2'],
    font: '12px system-ui, sans-serif',
    grid: { stroke: p.line, width: 1 },
    ticks: { show: false },
  }
  const plot = new uPlot(
    {
      width: box.clientWidth || 300,
      height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      legend: { live: true },
      cursor: { y: false, points: { size: 8 } },
      scales: { x: { time: true, range: () => range }, y: { range: span } },
      axes: [
        { ...axis, size: 28, space: 64, values: (_u, ticks) => ticks.map((t) => clockTime(t * 1000, t * 1000)) },
        { ...axis, size: 48, space: 28, values: (_u, ticks) => ticks.map((t) => `${short(t, 1)} ${tempUnit()}`) },
      ],
      series: [
        { label: m.chart_time, value: (_u, t) => (t == null ? MISSING : clockSeconds(t * 1000)) },
        { label: series.probe ?? series.device, stroke: p.text, width: 2, points: { show: false }, value: (_u, v) => (v == null ? MISSING : `${decimal(v, 1)} ${tempUnit()}`) },
      ],
      hooks: { drawClear: [shade] },
    },
    columns(series),
    box,
  )
  return {
    update(next, a, b) {
      series = next
      range = [a / 1000, b / 1000]
      plot.setData(columns(next))
    },
    resize: (width) => plot.setSize({ width, height }),
    destroy: () => plot.destroy(),
  }
}
