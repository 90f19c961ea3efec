// Numbers in the user's words and units: every value carries its unit, its age and, where it is an estimate, its range.
// The space before a unit does not break. What the API says and is told is always °C, m/s, metres and UTC.
// Clock times are 24-hour in the zone given (default: the one that the viewer has chosen).

import { m } from '#messages/shared.ts'

import { browserZone, ms } from './time.ts'

export { ms }

export const MISSING = '–'
const GLUE = '\u00a0'

/** What numbers are shown in; `zone` undefined: the browser's. */
export interface Display {
  fahrenheit: boolean
  imperial: boolean
  zone: string | undefined
}
const PLAIN: Display = { fahrenheit: false, imperial: false, zone: undefined }
let display: () => Display = () => PLAIN

/** Where to look for it, from now on: where that changes, what is shown is shown anew. */
export const displayFrom = (source: () => Display): void => void (display = source)

/** 4.7 → '4.7', in German '4,7'; with a real minus, and none before nothing. */
export function decimal(value: number, digits: number): string {
  return written(value.toFixed(digits).replace(/^-(?=[0.]*$)/, ''))
}
/** As {@link decimal}, without noughts at its end. */
export const short = (value: number, digits: number): string => written(String(Number(value.toFixed(digits)) || 0))
const written = (text: string): string => text.replace('-', '−').replace('.', m.decimal_point)

/** '°C' or '°F' */
export const tempUnit = (): string => (display().fahrenheit ? '°F' : '°C')

/** Degrees as they are shown. */
export const degrees = (celsius: number): number => (display().fahrenheit ? celsius * 1.8 + 32 : celsius)

/** 4.7 → '4.7 °C' */
export function temp(celsius: number | null | undefined): string {
  return celsius == null ? MISSING : `${decimal(degrees(celsius), 1)}${GLUE}${tempUnit()}`
}

/** By how much: 0.3 → '0.3 °C', '0.5 °F' */
export function tempStep(celsius: number): string {
  return `${short(display().fahrenheit ? celsius * 1.8 : celsius, 2)}${GLUE}${tempUnit()}`
}

/** 2, 8 → '2 to 8 °C'; one of them → 'at most 8 °C', 'at least 2 °C'; null without limits */
export function limits(low: number | null, high: number | null): string | null {
  const text = (v: number): string => short(degrees(v), 2)
  const unit = `${GLUE}${tempUnit()}`
  if (low !== null && high !== null) return m.range(text(low), `${text(high)}${unit}`)
  if (high !== null) return m.at_most(`${text(high)}${unit}`)
  return low === null ? null : m.at_least(`${text(low)}${unit}`)
}

const TYPED_DIGITS = 4
/** What a field for degrees begins with: 2 → '2', '35.6'; `step`: by how much. */
export function typedTemp(celsius: number | null | undefined, step = false): string {
  if (celsius == null) return ''
  const shown = step && display().fahrenheit ? celsius * 1.8 : degrees(celsius)
  return String(Number(shown.toFixed(TYPED_DIGITS)) || 0).replace('.', m.decimal_point)
}
/** What was typed, in °C to a billionth, so that it comes back as it was typed. */
export function celsiusOf(shown: number, step = false): number {
  if (!display().fahrenheit) return shown
  return Math.round(((shown - (step ? 0 : 32)) / 1.8) * 1e9) / 1e9
}

/** 13.2 m/s → '48 km/h', '30 mph' */
export function speed(mps: number | null | undefined): string {
  if (mps == null) return MISSING
  return display().imperial ? `${Math.round(mps * 2.236936)}${GLUE}mph` : `${Math.round(mps * 3.6)}${GLUE}km/h`
}

const FEET_PER_M = 3.28084
const M_PER_MILE = 1609.344
const tens = (value: number): number => Math.round(value / 10) * 10

/** 1240 → '1.2 km', 830 → '830 m'; '0.8 mi', '980 ft' */
export function distance(metres: number | null | undefined): string {
  if (metres == null) return MISSING
  if (display().imperial) {
    const miles = metres / M_PER_MILE
    return metres * FEET_PER_M < 1000 ? `${tens(metres * FEET_PER_M)}${GLUE}ft` : `${decimal(miles, miles < 10 ? 1 : 0)}${GLUE}mi`
  }
  if (metres < 1000) return `${tens(metres)}${GLUE}m`
  return `${decimal(metres / 1000, metres < 10_000 ? 1 : 0)}${GLUE}km`
}

/** What is near, to the metre or foot: 12 → '12 m', '39 ft' */
export const length = (metres: number): string =>
  display().imperial ? `${Math.round(metres * FEET_PER_M)}${GLUE}ft` : `${Math.round(metres)}${GLUE}m`

/** As the map's scale takes it. */
export const mapUnit = (): 'imperial' | 'metric' => (display().imperial ? 'imperial' : 'metric')

/** 0.82 → '82 %' */
export const percent = (ratio: number | null | undefined): string =>
  ratio == null ? MISSING : `${Math.round(ratio * 100)}${GLUE}%`

/** A span in ms → '40 s', '23 min', '2 h 5 min', '3 d 4 h' */
export function span(millis: number): string {
  if (!Number.isFinite(millis)) return MISSING
  const s = Math.max(0, Math.round(millis / 1000))
  if (s < 60) return `${s} s`
  const min = Math.floor(s / 60)
  if (min < 60) return `${min} min`
  const h = Math.floor(min / 60)
  if (h < 24) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${h / 24} d`
}

/** Age of a time → 'just now', '12 s ago', '3 min ago', '2 h ago'; 'never' when there is none. */
export function age(time: string | null | undefined, now: number): string {
  const t = ms(time)
  if (Number.isNaN(t)) return m.never
  const s = (now - t) / 1000
  if (s < -90) return m.ahead(span(-s * 1000)) // the device's clock runs ahead
  if (s < 3) return m.just_now
  if (s < 60) return m.ago(`${Math.round(s)} s`)
  if (s < 3600) return m.ago(`${Math.floor(s / 60)} min`)
  if (s < 48 * 3600) return m.ago(`${Math.floor(s / 3600)} h`)
  return m.ago(`${Math.floor(s / 86400)} d`)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** The language that days and months are told in; of English the browser's own kind. */
const locale = (): string => (typeof navigator === 'undefined' ? [] : navigator.languages).find((each) => each.startsWith(m.locale.slice(0, 2))) ?? m.locale

function formatter(zone: string | undefined, key: 'time' | 'seconds' | 'day' | 'date'): Intl.DateTimeFormat {
  const where = zone ?? display().zone
  const id = `${where ?? ''}|${key}`
  let f = formats.get(id)
  if (!f) {
    const options: Intl.DateTimeFormatOptions = {
      time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const,
      seconds: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const,
      day: { weekday: 'short', day: 'numeric', month: 'short' } as const,
      date: { year: 'numeric', month: '2-digit', day: '2-digit' } as const,
    }[key]
    f = new Intl.DateTimeFormat(key === 'time' || key === 'seconds' ? 'en-GB' : locale(), {
      ...options,
      ...(where ? { timeZone: where } : {}),
    })
    formats.set(id, f)
  }
  return f
}

/** '14:05', or 'Mon, 23 Nov 14:05' when it is not today. */
export function clockTime(time: string | number | null | undefined, now: number, zone?: string): string {
  const t = typeof time === 'number' ? time : ms(time)
  if (Number.isNaN(t)) return MISSING
  const text = formatter(zone, 'time').format(t)
  return sameDay(t, now, zone) ? text : `${formatter(zone, 'day').format(t)} ${text}`
}

export const clockSeconds = (time: string | number, zone?: string): string =>
  formatter(zone, 'seconds').format(typeof time === 'number' ? time : ms(time))

function sameDay(a: number, b: number, zone?: string): boolean {
  const f = formatter(zone, 'date')
  return f.format(a) === f.format(b)
}

/** An arrival window '14:05–14:20', widened outwards to whole steps; one time when both ends fall on it. */
export function windowText(
  from: string | null | undefined,
  to: string | null | undefined,
  now: number,
  stepMin = 1,
  zone?: string,
): string {
  const a = ms(from)
  const b = ms(to)
  if (Number.isNaN(a) || Number.isNaN(b)) return MISSING
  const step = stepMin * 60_000
  const low = Math.floor(a / step) * step
  const high = Math.ceil(b / step) * step
  const start = clockTime(low, now, zone)
  if (high <= low) return start
  const end = sameDay(low, high, zone) ? formatter(zone, 'time').format(high) : clockTime(high, now, zone)
  return `${start}–${end}`
}

/** The zone in which times are shown, 'Europe/Helsinki'. */
export const zoneName = (): string => display().zone ?? browserZone()

/** '29 Nov' of a day that has no zone, as '2026-11-29T00:00:00Z' in ms. */
export const dayName = (utc: number): string => new Date(utc).toLocaleDateString(locale(), { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** The last midnight in a zone, in ms. */
export function midnight(now: number, zone?: string): number {
  const since = (at: number): number => {
    const [h = 0, min = 0, s = 0] = formatter(zone, 'seconds').format(at).split(':').map(Number)
    return ((h * 60 + min) * 60 + s) * 1000
  }
  const found = Math.floor(now / 1000) * 1000 - since(now)
  const off = since(found) // not nothing where the clocks were changed since
  return off > 43_200_000 ? found + 86_400_000 - off : found - off
}

/** Headings as words for people who do not see the arrow: 270 → 'west'. */
export function compass(degrees: number | null | undefined): string {
  if (degrees == null) return MISSING
  const names = m.compass.split(' ')
  return names[Math.round(degrees / 45) % 8] ?? MISSING
}
