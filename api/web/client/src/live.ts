// One subscription: subscribe, snapshot, deltas, resume by cursor, reconnect. It knows nothing of pages.
import type { Change, Message, Snapshot } from './state.ts'

export type Connection = 'connecting' | 'live' | 'lost'

export interface Handlers<T> {
  snapshot(message: Snapshot<T>): void
  changes(changes: Change[]): void
  /** The server's clock as told in a message, ms since 1970. */
  serverNow(now: number): void
  state(state: Connection): void
  /** The server refused, or closed before it ever answered: the session may have ended. */
  refused(reason: string): void
}

/** What to follow: whole topics, or of them what lies in a viewport and is about some vehicles and shipments. */
export interface Wanted<T> {
  topics: readonly (keyof T & string)[]
  /** West, south, east, north in degrees. */
  bbox?: readonly [number, number, number, number]
  vehicles?: readonly string[]
  shipments?: readonly string[]
}

export interface Options {
  /** Of a program; a browser on Frostway's own pages has its cookie. */
  token?: string
}

const SILENCE_MS = 40_000
const CONNECT_MS = 10_000
const NOT_ALLOWED = 1008

/** Wait before the n-th try in ms (n = 0, 1, …): 1–30 s, doubling, with full jitter above the first second. */
export function backoff(n: number, random: () => number = Math.random): number {
  const cap = Math.min(30_000, 2_000 * 2 ** n)
  return 1_000 + random() * (cap - 1_000)
}

export class Live<T> {
  #socket: WebSocket | undefined
  #cursor: string | undefined
  #tries = 0
  #heardAt = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setInterval> | undefined
  #state: Connection = 'connecting'
  readonly #url: string
  readonly #wanted: Wanted<T>
  readonly #handlers: Handlers<T>
  readonly #token: string | undefined

  constructor(url: string, wanted: Wanted<T>, handlers: Handlers<T>, options: Options = {}) {
    this.#url = url
    this.#wanted = wanted
    this.#handlers = handlers
    this.#token = options.token
  }

  start(): void {
    globalThis.addEventListener?.('online', this.#wake)
    globalThis.document?.addEventListener('visibilitychange', this.#wake)
    this.#watch = setInterval(this.#check, 2_000)
    this.#connect()
  }

  stop(): void {
    globalThis.removeEventListener?.('online', this.#wake)
    globalThis.document?.removeEventListener('visibilitychange', this.#wake)
    clearInterval(this.#watch)
    clearTimeout(this.#retry)
    this.#drop()
  }

  #connect(): void {
    clearTimeout(this.#retry)
    this.#drop()
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    this.#heardAt = Date.now()
    let heard = false
    socket.onopen = () => {
      const cursor = this.#cursor ? { cursor: this.#cursor } : {}
      if (this.#token !== undefined) socket.send(JSON.stringify({ type: 'auth', token: this.#token }))
      socket.send(JSON.stringify({ type: 'subscribe', ...this.#wanted, ...cursor }))
      // A resumed subscription with nothing missed has nothing to say until the next change or heartbeat.
      if (this.#cursor) this.#become('live')
    }
    socket.onmessage = (event) => {
      heard = true
      this.#heardAt = Date.now()
      this.#tries = 0
      this.#receive(JSON.parse(String(event.data)) as Message<T>)
    }
    socket.onclose = (event) => {
      if (socket !== this.#socket) return
      if (event.code === NOT_ALLOWED || !heard) this.#handlers.refused(event.reason)
      this.#lose()
    }
  }

  #receive(message: Message<T>): void {
    if ('now' in message) this.#handlers.serverNow(Date.parse(message.now))
    if (message.type === 'resync') {
      this.#cursor = undefined
      return
    }
    if (message.type === 'snapshot') this.#handlers.snapshot(message)
    else if (message.type === 'delta') this.#handlers.changes(message.changes)
    if ('cursor' in message && message.cursor) this.#cursor = message.cursor
    if (this.#cursor) this.#become('live')
  }

  #lose(): void {
    this.#drop()
    this.#become('lost')
    this.#retry = setTimeout(() => this.#connect(), backoff(this.#tries++))
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  #become(state: Connection): void {
    if (state === this.#state) return
    this.#state = state
    this.#handlers.state(state)
  }

  /** Silence is loss: a heartbeat comes every 15 s, so 40 s without one means nobody is there. */
  readonly #check = (): void => {
    if (!this.#socket) return
    const quiet = Date.now() - this.#heardAt
    if (quiet > (this.#socket.readyState === WebSocket.CONNECTING ? CONNECT_MS : SILENCE_MS)) this.#lose()
  }

  /** The network or the tab is back: no reason to wait out the backoff. */
  readonly #wake = (): void => {
    if (globalThis.document?.visibilityState === 'hidden') return
    if (!this.#socket) {
      this.#tries = 0
      this.#connect()
    } else this.#check()
  }
}
