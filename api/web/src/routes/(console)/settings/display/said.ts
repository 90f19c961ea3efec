// What is sent of the fields for units and zone.
import type { DisplayIn } from '#shared/api/shapes.ts'

/** The body of a form's fields; what is left as it is for everybody is null. */
export function bodyOf(values: Readonly<Record<string, string>>): DisplayIn {
  const zone = values['zone'] === 'named' ? (values['tz'] ?? '').trim() : values['zone']
  const body = { temperature: values['temperature'] || null, distance: values['distance'] || null, tz: zone || null, language: values['language'] || null }
  return body as DisplayIn
}
