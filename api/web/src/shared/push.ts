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

/** How a customer's link knows a browser: SHA-256 of where its messages are left, hexadecimal. */
export async function endpointId(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint))
  return [...new Uint8Array(digest)].map((octet) => octet.toString(16).padStart(2, '0')).join('')
}

/** Whether this browser can be told at all: the page came by https, and on an iPhone it is on the home screen. */
export const canBeTold = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

/** Asks whoever looks, then the browser's push service. One that was made with another key is given up. */
export async function subscribed(
  publicKey: () => Promise<string>,
  worker: () => Promise<ServiceWorkerRegistration> = () => navigator.serviceWorker.ready,
): Promise<PushSubscriptionJSON> {
  if (!canBeTold()) throw new PushError('unable')
  if ((await Notification.requestPermission()) !== 'granted') throw new PushError('denied')
  const { pushManager } = await worker()
  const applicationServerKey = await publicKey()
  const wanted = { userVisibleOnly: true, applicationServerKey }
  try {
    return (await pushManager.subscribe(wanted)).toJSON()
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'InvalidStateError')) throw new PushError('away')
  }
  await (await pushManager.getSubscription())?.unsubscribe()
  return (await pushManager.subscribe(wanted)).toJSON()
}
