// A profile given to devices in place of the one they have.
import { m } from '#messages/profiles.ts'
import { api, ask, words } from '#shared/api/client.ts'
import type { Device, DeviceChangeIn } from '#shared/api/shapes.ts'
import { toasts } from '#shared/ui/toasts.svelte.ts'

const LIMIT = 1000

export const give = (device: string, profile: string | null): Promise<Device> =>
  ask(api.POST('/api/v1/devices/{device_id}/change', { params: { path: { device_id: device } }, body: { profile } as DeviceChangeIn }))

export const devicesWith = async (profile: string): Promise<readonly Device[]> =>
  (await ask(api.GET('/api/v1/devices', { params: { query: { profile, limit: LIMIT } } }))).items

/** All that have one get another; what is refused harms no other. */
export async function giveInstead(of: string, profile: string): Promise<void> {
  let [done, failed, why] = [0, 0, '']
  for (const { id, revoked } of await devicesWith(of)) {
    if (revoked) continue
    try {
      await give(id, profile)
      done++
    } catch (error) {
      ;[failed, why] = [failed + 1, words(error)]
    }
  }
  toasts.show(m.given_many(done, profile))
  if (failed) toasts.show(m.given_not(failed, why), { bad: true })
}
