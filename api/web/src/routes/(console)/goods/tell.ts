// Movements as a person tells them: sent once, with an id of their own and the time they happened.
import { api, ask } from '#shared/api/client.ts'
import type { components } from '#shared/api/schema.d.ts'
import { zoneName } from '#shared/format.ts'
import { freshId } from '#shared/fresh.ts'
import { instantOf } from '#shared/zoned.ts'

type MovementIn = components['schemas']['MovementIn']
export type Told = Omit<Partial<MovementIn>, 'id' | 'at'> & Pick<MovementIn, 'kind' | 'unit'>
export const PLACES = ['shipment', 'vehicle', 'site', 'device', 'none'] as const

/** `at`: a wall's time in the viewer's zone; nothing: now. */
export async function tell(movement: Told, at = ''): Promise<void> {
  const when = at ? instantOf(at, zoneName()) : null
  await ask(api.POST('/api/v1/goods-movements', { body: { movements: [{ ...movement, id: freshId(), at: when } as MovementIn], dry_run: false } }))
}

/** The place that the fields of a form name. */
export function placeOf(values: Record<string, string>): NonNullable<MovementIn['place']> | null {
  const [kind, name, zone] = [values['place_kind'] ?? 'none', (values['place_name'] ?? '').trim(), (values['zone'] ?? '').trim()]
  if (kind === 'none' || !name) return null
  return { [kind]: name, ...(kind === 'site' && zone ? { zone } : {}) } as NonNullable<MovementIn['place']>
}
