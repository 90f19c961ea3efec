// Asks the server every ten seconds, more rarely while it fails, at once when the phone comes back to the page.
import { api, ApiError, ask } from '#shared/api/client.ts'
import type { PublicShipment } from '#shared/api/shapes.ts'

const EVERY_MS = 10_000
const AT_MOST_MS = 120_000

export interface Watcher {
  news(shipment: PublicShipment): void
  /** The link is unknown, expired or revoked: there is nothing to ask any more. */
  gone(): void
  /** The server could not be asked; it will be again. */
  failed(): void
}

/** Starts watching; the answer stops it. */
export function watch(token: string, watcher: Watcher): () => void {
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let over = false

  async function look(): Promise<void> {
    if (asking || over) return
    asking = true
    clearTimeout(timer)
    let wait = EVERY_MS
    try {
      watcher.news(await ask(api.GET('/api/v1/public/shipments/{token}', { params: { path: { token } } })))
      failures = 0
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 410)) {
        over = true
        watcher.gone()
      } else {
        failures++
        const asked = error instanceof ApiError ? (error.retryAfterS ?? 0) * 1000 : 0
        wait = Math.max(asked, Math.min(AT_MOST_MS, EVERY_MS * 2 ** Math.min(failures, 4)) * (0.75 + Math.random() / 2))
        watcher.failed()
      }
    }
    asking = false
    if (!over && document.visibilityState !== 'hidden') timer = setTimeout(() => void look(), wait)
  }

  const wake = (): void => {
    if (document.visibilityState !== 'hidden') void look()
    else clearTimeout(timer)
  }
  document.addEventListener('visibilitychange', wake)
  addEventListener('online', wake)
  void look()
  return () => {
    over = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', wake)
    removeEventListener('online', wake)
  }
}
