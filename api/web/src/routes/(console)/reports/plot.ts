// Lines by day. Loaded only when there are some.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { m } from '#messages/reports.ts'
import { dayName, short } from '#shared/format.ts'
import { palette } from '#shared/map/theme.ts'

import type { Days } from './table.ts'

const DAY_S = 86_400
const DASHES = [[], [6, 3], [2, 3]]

export interface Plot {
  resize(width: number): void
  destroy(): void
}

/** Draws into `box`. Lines differ in colour and in how they are dashed. */
export function plot(box: HTMLElement, { days, lines, unit }: Days, height: number): Plot {
  const p = palette()
  const colours = [p.text, p.stopped, p.moving, p.late, p.alarm, p.accent]
  const word = (value: number): string => (unit === 'hours' ? m.hours(short(value, 1)) : short(value, 1))
  const at = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000)
  const dayOf = (seconds: number): string => dayName(seconds * 1000)
  const axis = { stroke: p['text-2'], font: '12px system-ui, sans-serif', grid: { stroke: p.line, width: 1 }, ticks: { show: false } }
  const made = new uPlot(
    {
      width: box.clientWidth || 300,
      height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { live: true },
      cursor: { y: false, points: { size: 8 } },
      scales: { x: { time: true, range: () => [(at[0] ?? 0) - DAY_S / 4, (at.at(-1) ?? 0) + DAY_S / 4] }, y: { range: (_u, _low, high) => [0, (high || 1) * 1.1] } },
      axes: [
        { ...axis, size: 28, space: 64, incrs: [DAY_S, 2 * DAY_S, 7 * DAY_S], values: (_u, ticks) => ticks.map(dayOf) },
        { ...axis, size: 48, space: 28, values: (_u, ticks) => ticks.map(word) },
      ],
      series: [
        { label: m.column('day'), value: (_u, t) => (t == null ? '–' : dayOf(t)) },
        ...lines.map(({ name }, i) => ({
          label: name,
          stroke: colours[i % colours.length] ?? p.text,
          dash: DASHES[i % DASHES.length] ?? [],
          width: 2,
          points: { show: true, size: 6 },
          value: (_u: uPlot, v: number | null) => (v == null ? '–' : word(v)),
        })),
      ],
    },
    [at, ...lines.map(({ values }) => values)],
    box,
  )
  return { resize: (width) => made.setSize({ width, height }), destroy: () => made.destroy() }
}
