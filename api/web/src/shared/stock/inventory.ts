// One's own inventory: a table to be filled in, looked through, brought in whole.
import { m } from '#messages/shared.ts'
import { ApiError, ask } from '#shared/api/client.ts'
import type { InventoryBrought } from '#shared/api/shapes.ts'

export type Fault = InventoryBrought['errors'][number]

/** Where a table is downloaded; a ready-made one has its own lines of example. */
export function fileAddress(template: string, columns: readonly string[], own: readonly string[], format: string): string {
  const query = new URLSearchParams(template ? { template } : { columns: columns.join(','), ...(own.length ? { own: own.join(',') } : {}) })
  query.set('format', format)
  return `/api/v1/inventory/templates/file?${query}`
}

export const ownNames = (text: string): string[] => [...new Set(text.split(',').map((name) => name.trim().toLowerCase()).filter(Boolean))]

/** What a file brings, or would bring; its wrong lines. Throws why it was not read at all. */
export async function bringInventory(file: Blob, look: boolean, zone: string, signal: AbortSignal): Promise<InventoryBrought | { errors: readonly Fault[] }> {
  const query = new URLSearchParams({ dry_run: String(look), zone })
  const response = await fetch(`/api/v1/inventory/import?${query}`, { method: 'POST', credentials: 'same-origin', body: file, signal }).catch((error: unknown) => {
    throw signal.aborted ? error : new ApiError(0, m.unreachable)
  })
  const said: unknown = await response.json().catch(() => null)
  if (response.ok) return said as InventoryBrought
  const { errors } = (said ?? {}) as { errors?: readonly Fault[] }
  if (response.status === 422 && errors?.length && errors[0]?.line !== undefined) return { errors }
  return ask(Promise.resolve({ error: said, response })) // throws
}
