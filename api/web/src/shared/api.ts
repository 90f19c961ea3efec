// REST: one fetch with the errors of RFC 9457 turned into sentences, and one function per address.
import type { Aboard, Alert, Config, Me, PublicShipment, Series, Share, Shipment, TrackPoint, Trip } from './types.ts'

const BASE = '/api/v1'

/** A refused or failed request; `message` can be shown to the user, `status` 0 means the server was not reached. */
export class ApiError extends Error {
  readonly status: number
  readonly retryAfterS: number | undefined

  constructor(status: number, message: string, retryAfterS?: number) {
    super(message)
    this.status = status
    this.retryAfterS = retryAfterS
  }
}

let signedOut: () => void = () => undefined

/** Called whenever a request is answered 401. */
export function onSignedOut(handler: () => void): void {
  signedOut = handler
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(BASE + path, {
    method,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    credentials: 'same-origin',
    signal: AbortSignal.timeout(20_000),
  }).catch(() => {
    throw new ApiError(0, 'The server cannot be reached.')
  })
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => ({}))) as { detail?: unknown; title?: unknown }
    const text = [problem.detail, problem.title].find((x) => typeof x === 'string')
    if (answer.status === 401 && path !== '/login') signedOut()
    throw new ApiError(
      answer.status,
      text ?? `The server answered ${answer.status}.`,
      Number(answer.headers.get('retry-after')) || undefined,
    )
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

const get = <T>(path: string): Promise<T> => request<T>('GET', path)
const post = <T>(path: string, body?: unknown): Promise<T> => request<T>('POST', path, body)
const seg = encodeURIComponent
const iso = (at: number): string => new Date(at).toISOString()

export const api = {
  me: () => get<Me>('/me'),
  aboard: (vehicle: string) => get<{ items: Aboard[] }>(`/vehicles/${seg(vehicle)}/devices`).then((x) => x.items),
  config: () => get<Config>('/config'),
  login: (user: string, password: string) => post<void>('/login', { user, password }),
  logout: () => post<void>('/logout'),

  alerts: (state: 'active' | 'cleared' | 'unacknowledged' | 'open' | 'all') =>
    get<{ items: Alert[] }>(`/alerts?state=${state}`).then((x) => x.items),
  acknowledge: (id: string, note: string) => post<Alert | undefined>(`/alerts/${seg(id)}/acknowledge`, { note }),
  resolve: (id: string, note: string) => post<Alert | undefined>(`/alerts/${seg(id)}/resolve`, { note }),

  track: (vehicle: string, from: number, to: number, maxPoints: number) =>
    get<{ points: TrackPoint[] }>(
      `/vehicles/${seg(vehicle)}/track?from=${iso(from)}&to=${iso(to)}&max_points=${maxPoints}`,
    ).then((x) => x.points),
  trips: (vehicle: string, from: number) =>
    get<{ items: Trip[] }>(`/vehicles/${seg(vehicle)}/trips?from=${iso(from)}`).then((x) => x.items),
  gpx: (vehicle: string, trip: string) => `${BASE}/vehicles/${seg(vehicle)}/trips/${seg(trip)}.gpx`,
  series: (device: string, probe: string | null, from: number, to: number, maxPoints: number) =>
    get<Series>(
      `/series?device=${seg(device)}${probe === null ? '' : `&probe=${seg(probe)}`}` +
        `&from=${iso(from)}&to=${iso(to)}&max_points=${maxPoints}`,
    ),

  shipment: (id: string) => get<Shipment>(`/shipments/${seg(id)}`),
  share: (shipment: string) =>
    post<{ token: string; url: string; expires_at: string }>(`/shipments/${seg(shipment)}/share`),
  shares: (shipment: string) => get<{ items: Share[] }>(`/shipments/${seg(shipment)}/shares`).then((x) => x.items),
  revoke: (shipment: string, share: string) =>
    request<void>('DELETE', `/shipments/${seg(shipment)}/shares/${seg(share)}`),

  publicShipment: (token: string) => get<PublicShipment>(`/public/shipments/${seg(token)}`),
}
