// Numbers in the user's words: every value carries its unit, its age and, where it is an estimate, its range. The
// space before a unit does not break.
// Clock times are 24-hour in the zone given (default: the viewer's own).

import { m } from '#messages/shared.ts'

export const MISSING = '–'
const GLUE = '\u00a0'

export const ms = (time: string | null | undefined): number => (time ? Date.parse(time) : NaN)

/** 4.7 → '4.7 °C' */
export function temp(celsius: number | null | undefined): string {
  return celsius == null ? MISSING : `${celsius.toFixed(1).replace('-', '−')}${GLUE}°C`
}

/** 2, 8 → '2 to 8 °C'; one of them → 'at most 8 °C', 'at least 2 °C'; null without limits */
export function limits(low: number | null, high: number | null): string | null {
  const text = (v: number): string => String(v).replace('-', '−')
  if (low !== null && high !== null) return m.range(text(low), `${text(high)}${GLUE}°C`)
  if (high !== null) return m.at_most(`${text(high)}${GLUE}°C`)
  return low === null ? null : m.at_least(`${text(low)}${GLUE}°C`)
}

/** 13.2 m/s → '48 km/h' */
export function speed(mps: number | null | undefined): string {
  return mps == null ? MISSING : `${Math.round(mps * 3.6)}${GLUE}km/h`
}

/** 1240 → '1.2 km', 830 → '830 m' */
export function distance(metres: number | null | undefined): string {
  if (metres == null) return MISSING
  if (metres < 1000) return `${Math.round(metres / 10) * 10}${GLUE}m`
  return `${(metres / 1000).toFixed(metres < 10_000 ? 1 : 0)}${GLUE}km`
}

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

function formatter(zone: string | undefined, key: 'time' | 'seconds' | 'day' | 'date'): Intl.DateTimeFormat {
  const id = `${zone ?? ''}|${key}`
  let f = formats.get(id)
  if (!f) {
    const options: Intl.DateTimeFormatOptions = {
      time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const,
      seconds: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const,
      day: { weekday: 'short', day: 'numeric', month: 'short' } as const,
      date: { year: 'numeric', month: '2-digit', day: '2-digit' } as const,
    }[key]
    f = new Intl.DateTimeFormat(key === 'time' || key === 'seconds' ? 'en-GB' : undefined, {
      ...options,
      ...(zone ? { timeZone: zone } : {}),
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

/** The viewer's time zone, 'Europe/Helsinki'. */
export const zoneName = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

/** Headings as words for people who do not see the arrow: 270 → 'west'. */
export function compass(degrees: number | null | undefined): string {
  if (degrees == null) return MISSING
  const names = m.compass.split(' ')
  return names[Math.round(degrees / 45) % 8] ?? MISSING
}
