// Web push: this browser's subscription as the address of a channel (domain/web_push.py).

/** Why a browser cannot be told anything: `unable` (no https, or none of its kind can), `denied`, `away` (its push service). */
export type Obstacle = 'unable' | 'denied' | 'away'

export class PushError extends Error {
  readonly obstacle: Obstacle
  constructor(obstacle: Obstacle) {
    super(obstacle)
    this.obstacle = obstacle
  }
}

const b64url = (text: string): string => btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

/** `webpush://HOST/SUBSCRIPTION`. */
export const addressOf = (subscription: PushSubscriptionJSON): string =>
  `webpush://${new URL(subscription.endpoint ?? '').host}/${b64url(JSON.stringify({ endpoint: subscription.endpoint, keys: subscription.keys }))}`

/** Asks whoever looks, then the browser's push service. One that was made with another key is given up. */
export async function subscribed(publicKey: () => Promise<string>): Promise<string> {
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) throw new PushError('unable')
  if ((await Notification.requestPermission()) !== 'granted') throw new PushError('denied')
  const { pushManager } = await navigator.serviceWorker.ready
  const applicationServerKey = await publicKey()
  const wanted = { userVisibleOnly: true, applicationServerKey }
  try {
    return addressOf((await pushManager.subscribe(wanted)).toJSON())
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'InvalidStateError')) throw new PushError('away')
  }
  await (await pushManager.getSubscription())?.unsubscribe()
  return addressOf((await pushManager.subscribe(wanted)).toJSON())
}
