// Times of a clock on a wall in a zone, as people type them, and the instants that they are.
import { parseAbsolute, parseDateTime, toZoned } from '@internationalized/date'

const WALL = /^(\d{4}-\d\d-\d\d)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?$/
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)$/i

/** '2026-11-29T12:05:00Z' in Europe/Helsinki → '2026-11-29T14:05', as a field for date and time takes it. */
export function wallTime(instant: string | null | undefined, zone: string): string {
  if (!instant) return ''
  return parseAbsolute(instant, zone).toString().slice(0, 16)
}

/** What {@link instantOf} has not understood. */
export class NoTime extends Error {
  /** The clocks skip it, or it is no time at all. */
  readonly skipped: boolean

  constructor(skipped: boolean) {
    super(skipped ? 'skipped' : 'no time')
    this.skipped = skipped
  }
}

/**
 * RFC 3339 text, UTC, of a time that says its offset, or of a wall's time in a zone: the earlier one where clocks are put
 * back. Null of nothing; throws {@link NoTime}.
 */
export function instantOf(text: string, zone: string): string | null {
  const told = text.trim()
  if (!told) return null
  if (INSTANT.test(told)) {
    const at = Date.parse(told.replace(/^(\S+) +/, '$1T').replace(/\s+/g, '').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
    if (Number.isNaN(at)) throw new NoTime(false)
    return new Date(at).toISOString()
  }
  const [, day, hour = '00', minute = '00', second = '00'] = WALL.exec(told) ?? []
  if (!day) throw new NoTime(false)
  const wall = `${day}T${hour.padStart(2, '0')}:${minute}:${second}`
  let found
  try {
    const given = parseDateTime(wall)
    found = toZoned(given, zone, 'earlier')
  } catch {
    throw new NoTime(false)
  }
  if (found.toString().slice(0, 19) !== wall) throw new NoTime(true)
  return found.toAbsoluteString()
}
