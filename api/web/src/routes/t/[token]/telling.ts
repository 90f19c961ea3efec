// Times, spans and temperatures as a customer reads them, in a language and a time zone. The server tells them the same way
// (api/resources/shared/telling.py); tests hold both to the same cases.
import { say } from '#messages/customer.ts'
import type { Language, Word } from '#messages/customer.ts'

const GLUE = '\u00a0'
const MINUTE = 60_000

interface Wall {
  day: string
  weekday: number
  month: number
  date: number
  time: string
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

export class Telling {
  readonly language: Language
  readonly zone: string
  readonly #format: Intl.DateTimeFormat

  constructor(language: Language, zone: string) {
    this.language = language
    this.zone = zone
    this.#format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, weekday: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
    })
  }

  say(word: Word, values: Readonly<Record<string, string>> = {}): string {
    return say(this.language, word, values)
  }

  #wall(at: number): Wall {
    const parts = Object.fromEntries(this.#format.formatToParts(at).map(({ type, value }) => [type, value]))
    return {
      day: `${parts['year']}-${parts['month']}-${parts['day']}`,
      weekday: DAYS.indexOf(parts['weekday'] ?? ''),
      month: Number(parts['month']),
      date: Number(parts['day']),
      time: `${parts['hour']}:${parts['minute']}`,
    }
  }

  /** '14:05', or 'Mon 23 Nov 14:05' when it is not today. */
  time(at: number, now: number): string {
    const wall = this.#wall(at)
    return wall.day === this.#wall(now).day ? wall.time : `${this.#date(wall)} ${wall.time}`
  }

  #date(wall: Wall): string {
    const among = (word: Word, at: number): string => this.say(word).split(' ')[at] ?? ''
    return this.say('date', { weekday: among('weekdays', wall.weekday), day: String(wall.date), month: among('months', wall.month - 1) })
  }

  /** '14:05–14:20', widened outwards to whole steps; one time when both ends fall on it. */
  window(from: number, to: number, now: number, stepMin = 1): string {
    const step = stepMin * MINUTE
    const [low, high] = [Math.floor(from / step) * step, Math.ceil(to / step) * step]
    if (high <= low) return this.time(low, now)
    const end = this.#wall(low).day === this.#wall(high).day ? this.#wall(high).time : this.time(high, now)
    return `${this.time(low, now)}–${end}`
  }

  /** 4.7 → '4.7 °C' */
  temp(celsius: number): string {
    return `${celsius.toFixed(1).replace('-', '−').replace('.', this.say('decimal'))}${GLUE}°C`
  }

  /** 2, 8 → '2 to 8 °C'; null without limits. */
  limits(low: number | null, high: number | null): string | null {
    const text = (v: number): string => String(v).replace('-', '−').replace('.', this.say('decimal'))
    if (low !== null && high !== null) return this.say('range', { low: text(low), high: `${text(high)}${GLUE}°C` })
    if (high !== null) return this.say('at_most', { high: `${text(high)}${GLUE}°C` })
    return low === null ? null : this.say('at_least', { low: `${text(low)}${GLUE}°C` })
  }

  /** 'just now', '12 s ago', '3 min ago', '2 h ago', '3 d ago'. */
  age(at: number, now: number): string {
    if (Number.isNaN(at)) return this.say('never')
    const s = Math.floor((now - at) / 1000)
    if (s < -90) return this.say('ahead', { span: this.#span(-s) })
    return s < 3 ? this.say('just_now') : this.say('ago', { span: this.#span(s) })
  }

  #span(s: number): string {
    if (s < 60) return `${s} s`
    if (s < 3600) return `${Math.floor(s / 60)} min`
    return s < 48 * 3600 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} ${this.say('days')}`
  }
}
