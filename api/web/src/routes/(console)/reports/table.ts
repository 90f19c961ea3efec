// What a report's rows look like to people: which cell is a number with which unit, what sorts how, what is drawn.
import { m } from '#messages/reports.ts'
import { clockTime, decimal, MISSING, percent, short, span, speed } from '#shared/format.ts'

export type Cell = string | number | null
export type Row = Readonly<Record<string, Cell>>

const MINUTE = 60_000

/** How a column's numbers are told; a column that is not here is a text. */
const NUMBERS: Readonly<Record<string, (value: number, attribute: string) => string>> = {
  value: (v, attribute) => (attribute.endsWith('_ratio') ? percent(v) : short(Number(v.toPrecision(4)), 9)),
  load_ratio: percent,
  age_s: (v) => span(v * 1000),
  speed_mps: speed,
  driving_minutes: (v) => span(v * MINUTE),
  driving_h: (v) => span(v * 60 * MINUTE),
  mean_minutes: (v) => span(v * MINUTE),
  longest_minutes: (v) => span(v * MINUTE),
  vehicle_days: (v) => decimal(v, 1),
  fuel_lph: (v) => `${decimal(v, 1)}\u00a0l/h`,
  nominal_fuel_lph: (v) => `${decimal(v, 1)}\u00a0l/h`,
  lat: (v) => decimal(v, 5),
  lon: (v) => decimal(v, 5),
  days: String,
  drives: String,
  vehicles: String,
  breakdowns: String,
}

export const isNumber = (column: string): boolean => column in NUMBERS

export function told(column: string, value: Cell, now: number, attribute: string): string {
  if (value === null) return MISSING
  if (typeof value === 'number') return NUMBERS[column]?.(value, attribute) ?? String(value)
  return column === 'time' ? clockTime(value, now) : value
}

/** The number that a report is about, which is drawn beside it. */
export const BARS: Readonly<Record<string, string>> = {
  'low-fuel': 'value',
  'high-load': 'load_ratio',
  'long-driving': 'driving_minutes',
  'long-day': 'driving_h',
  'driving-a-day': 'driving_h',
  'driving-without-rest': 'longest_minutes',
  load: 'load_ratio',
  breakdowns: 'breakdowns',
  'fuel-against-plan': 'fuel_lph',
}

/** Share of the bar's length for each row: of 1 for ratios, else of the greatest. */
export function scale(column: string, rows: readonly Row[], attribute: string): (value: Cell | undefined) => number {
  const ratio = column === 'load_ratio' || (column === 'value' && attribute.endsWith('_ratio'))
  const whole = ratio ? 1 : Math.max(...rows.flatMap((row) => [Number(row[column] ?? 0), column === 'fuel_lph' ? Number(row['nominal_fuel_lph'] ?? 0) : 0]), 1e-9)
  return (value) => Math.min(1, Math.max(0, Number(value ?? 0) / whole))
}

/** Rows by a column (with a - before it the greatest first); what is not known comes last; none: as they came. */
export function sorted(rows: readonly Row[], by: string): readonly Row[] {
  const column = by.replace(/^-/, '')
  if (!column || !rows.some((row) => column in row)) return rows
  const sign = by.startsWith('-') ? -1 : 1
  return [...rows].sort((a, b) => {
    const [x, y] = [a[column] ?? null, b[column] ?? null]
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true }))
  })
}

export interface Line {
  name: string
  /** By day, null where nothing is known. */
  values: (number | null)[]
}
export interface Days {
  days: string[]
  lines: Line[]
  unit: 'hours' | 'number'
  /** So many more there are that are not drawn. */
  left: number
}

const LINES_MAX = 6

/** The lines of a report that tells by day; null when there are not two days to draw. */
export function byDay(report: string, rows: readonly Row[]): Days | null {
  const days = [...new Set(rows.flatMap((row) => (typeof row['day'] === 'string' ? [row['day']] : [])))].sort()
  if (days.length < 2) return null
  const on = (day: string): readonly Row[] => rows.filter((row) => row['day'] === day)
  const numbers = (found: readonly Row[], key: string): number[] => found.map((row) => Number(row[key] ?? 0))
  if (report === 'driving-without-rest') {
    const mean = (all: number[]): number => all.reduce((sum, each) => sum + each, 0) / all.length
    const lines = [
      { name: m.longest_of_all, values: days.map((day) => Math.max(...numbers(on(day), 'longest_minutes')) / 60) },
      { name: m.mean_of_all, values: days.map((day) => mean(numbers(on(day), 'mean_minutes')) / 60) },
    ]
    return { days, lines, unit: 'hours', left: 0 }
  }
  if (report !== 'activity') return null
  const names = new Map<string, Map<string, number>>()
  for (const row of rows) {
    const name = [row['fleet'], row['model']].filter((part) => part !== null).join(', ') || MISSING
    const line = names.get(name) ?? new Map<string, number>()
    line.set(String(row['day']), Number(row['vehicle_days'] ?? 0))
    names.set(name, line)
  }
  const sum = (line: Map<string, number>): number => [...line.values()].reduce((a, b) => a + b, 0)
  const greatest = [...names].sort(([, a], [, b]) => sum(b) - sum(a))
  const lines = greatest.slice(0, LINES_MAX).map(([name, line]) => ({ name, values: days.map((day) => line.get(day) ?? null) }))
  return { days, lines, unit: 'number', left: Math.max(0, greatest.length - LINES_MAX) }
}
