// What has to be typed into a device, or scanned by it: the texts of a way with names and secrets in their place.
import type { Connect, ConnectWay, NewDevice } from '#shared/api/shapes.ts'

/** A device's secrets, as far as they are known: they are told once. */
export interface Login {
  device: string
  password?: string | undefined
  token?: string | undefined
}

export const loginOf = (made: NewDevice): Login => ({ device: made.id, password: made.mqtt?.password, token: made.http?.token })

const PLACES = /\$(tenant|device|password|token|host|port|base|ca|ms|s|time)\b/g

/** A text of a way as this device needs it; what is not known stays in capitals. */
export function filled(text: string, connect: Connect, login: Login, now: number): string {
  const broker = connect.mqtt[0]
  const values: Readonly<Record<string, string>> = {
    tenant: connect.tenant,
    device: login.device,
    password: login.password ?? 'PASSWORD',
    token: login.token ?? 'TOKEN',
    host: broker?.host ?? '',
    port: String(broker?.port ?? ''),
    base: connect.http[0] ?? '',
    ca: connect.authority ? (text.startsWith('curl') ? '--cacert ca.pem ' : '--cafile ca.pem ') : '',
    ms: String(now),
    s: String(Math.floor(now / 1000)),
    time: new Date(now).toISOString(),
  }
  return text.replace(PLACES, (_, name: string) => values[name] ?? '')
}

const LOOPBACK = /^(127\.|localhost$|\[?::1)/

/** Whether only this machine reaches it. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

/** What a code has to hold for the app of a way; empty: there is no app that scans. */
export function codeOf(way: ConnectWay, connect: Connect, login: Login): string {
  const broker = connect.mqtt[0]
  if (way.app === 'owntracks' && way.by === 'mqtt' && broker && login.password) {
    const user = `${connect.tenant}/${login.device}`
    return owntracks({
      mode: 0, host: broker.host, port: broker.port, tls: broker.tls, auth: true, username: user, password: login.password,
      clientId: user, pubTopicBase: `owntracks/${user}`, pubRetain: false,
    })
  }
  if (way.app === 'owntracks' && way.by === 'http' && connect.http[0] && login.token) return owntracks({ mode: 3, url: `${connect.http[0]}/owntracks/${login.token}` })
  if (way.app === 'traccar' && connect.http[0] && login.token) return `${connect.http[0]}/osmand/${login.token}?id=${encodeURIComponent(login.device)}`
  return ''
}

/** The app's own address for its settings (owntracks.org/booklet/features/remoteconfig). */
function owntracks(settings: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify({ _type: 'configuration', monitoring: 1, cmd: true, remoteConfiguration: true, ...settings })
  return `owntracks:///config?inline=${encodeURIComponent(btoa(text))}`
}
