// The temperature chart: line, limits, what lies beyond them, gaps, excursions, and the fan of a forecast. Loaded only when one
// is shown.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { m } from '#messages/shared.ts'
import { palette } from '#shared/map/theme.ts'

import type { Series } from './api/shapes.ts'
import { columns } from './columns.ts'
import { tempAt } from './fan.ts'
import type { Fan } from './fan.ts'
import { clockSeconds, clockTime, decimal, degrees, MISSING, ms, short, tempUnit, zoneName } from './format.ts'

export interface Chart {
  update(series: Series, from: number, to: number, fan: Fan | null): void
  resize(width: number): void
  destroy(): void
}

/** Draws into `box`; `from` and `to` (ms) are the ends of the time axis. */
export function chart(box: HTMLElement, first: Series, from: number, to: number, height: number, seen: Fan | null): Chart {
  const p = palette()
  let series = first
  let fan = seen
  let range: [number, number] = [from / 1000, to / 1000]

  function shade(u: uPlot): void {
    const { ctx, bbox } = u
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    const y = (celsius: number): number => u.valToPos(degrees(celsius), 'y', true)
    const x = (time: number): number => u.valToPos(time / 1000, 'x', true)
    const colour = { critical: p.alarm, warning: p.late, info: p.stopped }
    const bottom = bbox.top + bbox.height
    ctx.fillStyle = p.stale
    ctx.globalAlpha = 0.16
    for (const gap of series.summary.gaps) ctx.fillRect(x(ms(gap.start)), bbox.top, x(ms(gap.end)) - x(ms(gap.start)), bbox.height)
    for (const { start, end, severity } of series.excursions) {
      ctx.fillStyle = colour[severity]
      ctx.globalAlpha = 0.22
      const left = x(ms(start))
      const right = end ? x(ms(end)) : x(Math.min(range[1] * 1000, Date.now()))
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height)
    }
    for (const [limit, edge] of [
      [series.high_c, bbox.top],
      [series.low_c, bottom],
    ] as const) {
      if (limit === null) continue
      ctx.globalAlpha = 0.08
      ctx.fillStyle = edge === bottom ? p.stopped : p.alarm
      ctx.fillRect(bbox.left, Math.min(edge, y(limit)), bbox.width, Math.abs(edge - y(limit)))
    }
    ctx.globalAlpha = 1
    ctx.lineWidth = devicePixelRatio
    for (const { limit_c, severity } of lines()) {
      const dash = severity === 'critical' ? [4, 3] : severity === 'warning' ? [8, 4] : [1, 3]
      ctx.strokeStyle = colour[severity]
      stroke(ctx, dash, [[bbox.left, y(limit_c)], [bbox.left + bbox.width, y(limit_c)]])
    }
    if (fan) open(ctx, fan, x, y, bbox)
    ctx.restore()
  }

  /** Limits as lines: those of the profile, else the ends of the range. */
  function lines(): { limit_c: number; severity: 'info' | 'warning' | 'critical' }[] {
    if (series.summary.bands.length) return series.summary.bands
    return [series.high_c, series.low_c].flatMap((limit_c) => (limit_c === null ? [] : [{ limit_c, severity: 'critical' as const }]))
  }

  /** Limits that are to be seen: the ends of the range, what the curve has come near to, and what it is expected to reach. */
  function seenLimits(low: number | null, high: number | null): number[] {
    const near = lines().map(({ limit_c }) => degrees(limit_c)).filter((limit) => low !== null && high !== null && limit >= low - 3 && limit <= high + 3)
    const ends = [series.low_c, series.high_c, ...(fan ? [fan.limit_c, fan.limit_c + (fan.above ? 1 : -1), fan.from_c] : [])]
    return [...near, ...ends.filter((limit) => limit !== null).map(degrees)]
  }

  function stroke(ctx: CanvasRenderingContext2D, dash: readonly number[], points: readonly (readonly [number, number])[]): void {
    ctx.setLineDash(dash.map((each) => each * devicePixelRatio))
    ctx.beginPath()
    for (const [left, top] of points) ctx.lineTo(left, top)
    ctx.stroke()
    ctx.setLineDash([])
  }

  /** The fan: between the soonest and the latest way, the middle dashed; and the time in which the alarm is expected. */
  function open(ctx: CanvasRenderingContext2D, f: Fan, x: (time: number) => number, y: (celsius: number) => number, bbox: uPlot.BBox): void {
    const [soon, middle, late] = f.crossings
    const end = f.alarms[2]
    const point = (crossing: number, time: number): [number, number] => [x(time), y(tempAt(f, crossing, time))]
    ctx.fillStyle = ctx.strokeStyle = p.late
    ctx.globalAlpha = 0.3
    ctx.beginPath()
    for (const [left, top] of [point(soon, f.at), point(soon, end), point(late, end)]) ctx.lineTo(left, top)
    ctx.fill()
    ctx.globalAlpha = 0.12
    ctx.fillRect(x(f.alarms[0]), bbox.top, Math.max(2, x(end) - x(f.alarms[0])), bbox.height)
    ctx.globalAlpha = 1
    ctx.lineWidth = 2 * devicePixelRatio
    stroke(ctx, [5, 4], [point(middle, f.at), point(middle, end)])
    stroke(ctx, [1, 3], [[x(f.alarms[1]), bbox.top], [x(f.alarms[1]), bbox.top + bbox.height]])
  }

  function span(_u: uPlot, low: number | null, high: number | null): [number, number] {
    const ends = [low, high, ...seenLimits(low, high)].filter((v): v is number => v !== null)
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
    update(next, a, b, ahead) {
      series = next
      fan = ahead
      range = [a / 1000, b / 1000]
      plot.setData(columns(next))
    },
    resize: (width) => plot.setSize({ width, height }),
    destroy: () => plot.destroy(),
  }
}
