// Asks the server every ten seconds, more rarely while it fails, at once when the phone comes back to the page. Beside it
// a socket, by which nothing is told but that the link has ended.
import { api, ApiError, ask } from '#shared/api/client.ts'
import type { PublicShipment } from '#shared/api/shapes.ts'

const EVERY_MS = 10_000
const AT_MOST_MS = 120_000

export interface Watcher {
  news(shipment: PublicShipment): void
  /** The link is unknown, expired or revoked: there is nothing to ask any more. */
  gone(): void
  /** The server will say at once when the link ends. */
  held?(): void
  /** The server could not be asked; it will be again. */
  failed(): void
}

/** Starts watching; the answer stops it. */
export function watch(token: string, watcher: Watcher): () => void {
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let over = false
  let socket: WebSocket | undefined

  async function look(): Promise<void> {
    if (asking || over) return
    asking = true
    clearTimeout(timer)
    let wait = EVERY_MS
    try {
      watcher.news(await ask(api.GET('/api/v1/public/shipments/{token}', { params: { path: { token } } })))
      failures = 0
      hold()
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 410)) {
        end()
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

  function end(): void {
    if (over) return
    over = true
    clearTimeout(timer)
    socket?.close()
    watcher.gone()
  }

  /** Learns at once that the link has ended. Where no socket can be had, the next question is answered so. */
  function hold(): void {
    if (socket || over) return
    let open = false
    const own = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/v1/link`)
    socket = own
    own.onopen = () => own.send(JSON.stringify({ type: 'auth', token }))
    own.onmessage = () => {
      open = true
      watcher.held?.()
    }
    own.onclose = ({ code }) => {
      socket = undefined
      if (open && code === 1008) end()
    }
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
    socket?.close()
    document.removeEventListener('visibilitychange', wake)
    removeEventListener('online', wake)
  }
}
