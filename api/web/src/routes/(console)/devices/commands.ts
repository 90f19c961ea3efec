// What is typed becomes a command; what became of one is put into a state to look at.
import { m } from '#messages/commands.ts'
import type { Command, CommandIn, CommandKind, Site } from '#shared/api/shapes.ts'
import { age } from '#shared/format.ts'
import type { Doing, Looks } from '#shared/ui/state.ts'

/** What a command takes was typed by hand and is no object of JSON. */
export class NotJson extends Error {}

/** A place of ours as an app is told it. */
export interface Place {
  desc: string
  lat: number
  lon: number
  rad: number
}

/** A site in the words of an app. */
export const placeOf = ({ label, lat, lon, radius_m }: Pick<Site, 'label' | 'lat' | 'lon' | 'radius_m'>): Place => ({
  desc: label.slice(0, 64), lat, lon, rad: Math.max(1, Math.round(radius_m)),
})

/** The body of a command from the fields of its form; a kind that is not known has its name and argument typed. */
export function bodyOf(values: Readonly<Record<string, string>>, kind: CommandKind | undefined, expires_in_s: number, places: readonly Place[] = []): CommandIn {
  if (!kind) return { command: (values['command'] ?? '').trim(), argument: typedObject(values['argument'] ?? ''), expires_in_s }
  const argument: Record<string, unknown> = {}
  for (const each of kind.arguments) {
    if (each.type === 'places') {
      argument[each.name] = places
      continue
    }
    const text = (values[`argument.${each.name}`] ?? '').trim()
    if (text) argument[each.name] = each.type === 'number' ? Number(text) : text
  }
  return { command: kind.name, argument, expires_in_s }
}

function typedObject(text: string): Record<string, unknown> {
  if (!text.trim()) return {}
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    throw new NotJson()
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw new NotJson()
  return found as Record<string, unknown>
}

const LOOKS: Readonly<Record<Command['state'], Looks>> = {
  waiting: 'new', sent: 'wait', answered: 'good', told: 'good', refused: 'bad', failed: 'bad', expired: 'off', cancelled: 'off',
}

/** How a command stands. */
export function doingOf(command: Command, now: number): Doing {
  const more = command.state === 'waiting' ? m.waits(command.via) : command.state === 'sent' ? m.sent_so_often(command.sent_count, age(command.sent_at, now)) : age(command.ended_at, now)
  return { looks: LOOKS[command.state], word: m.state_of(command.state), more }
}

/** What it was given, on one line: '{"seconds":30}' → 'seconds 30'; of places their names. */
export const givenOf = (argument: Readonly<Record<string, unknown>>): string =>
  Object.entries(argument)
    .map(([name, value]) => (isPlaces(value) ? value.map((each) => each.desc).join(', ') : `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`))
    .join(', ')

const isPlaces = (value: unknown): value is Place[] =>
  Array.isArray(value) && value.length > 0 && value.every((each: unknown) => typeof each === 'object' && each !== null && typeof (each as Partial<Place>).desc === 'string')
