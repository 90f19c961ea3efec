// What the pages know: the tables kept by the websocket, with one version number per topic. Pages read a table through
// its getter inside $derived/$effect and are run again when that topic changed, at most ten times a second and more rarely with a large fleet.
import { applyChanges, applySnapshot, emptyTables, Live } from '#client/index.ts'
import type { Connection } from '#client/index.ts'

import { isDone } from './alerts/state.ts'
import { api, ApiError, ask } from './api/client.ts'
import type { Alert, Me, Permission, Shipment, Site, Stock, Vehicle } from './api/shapes.ts'
import { clock } from './clock.svelte.ts'
import { display } from './display.svelte.ts'
import { NEWS, TOPICS } from './feed.ts'
import type { Topic, Topics } from './feed.ts'

const FLUSH_MS = 100
const ORDERS_MS = 400 // many that change at once are asked for once
const PER_FLUSH = 40 // vehicles drawn per ms waited: 10 000 of them are drawn four times a second at most

class World {
  connection = $state<Connection>('connecting')
  /** A snapshot has been seen: lists may say 'none' instead of 'not known yet'. */
  loaded = $state(false)
  /** Server time of the last message, ms; what is on the screen is of this time. */
  heardAt = $state(0)
  /** The newest alert that came in while the page was open, for the announcement. */
  newest = $state<Alert | undefined>()

  /** Counts what is told of orders, loads and docks; who shows some asks anew. */
  orders = $state(0)
  #ordersTimer: ReturnType<typeof setTimeout> | undefined

  #tables = emptyTables<Topics>(TOPICS)
  #version = $state<Record<Topic, number>>({ vehicles: 0, shipments: 0, alerts: 0, stock: 0, sites: 0 })
  #dirty = new Set<Topic>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #live: Live<Topics> | undefined
  #heard = 0

  get vehicles(): ReadonlyMap<string, Vehicle> {
    return this.#read('vehicles')
  }
  get shipments(): ReadonlyMap<string, Shipment> {
    return this.#read('shipments')
  }
  get alerts(): ReadonlyMap<string, Alert> {
    return this.#read('alerts')
  }
  get stock(): ReadonlyMap<string, Stock> {
    return this.#read('stock')
  }
  get sites(): ReadonlyMap<string, Site> {
    return this.#read('sites')
  }

  #read<T extends Topic>(topic: T) {
    void this.#version[topic]
    return this.#tables[topic]
  }

  start(refused: () => void): void {
    if (this.#live) return
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.#live = new Live<Topics>(`${scheme}://${location.host}/ws/v1`, { topics: [...TOPICS, ...NEWS] as Topic[] }, {
      snapshot: (message) => {
        for (const topic of applySnapshot(this.#tables, message)) this.#mark(topic)
        this.loaded = true
        this.#ordersTold()
      },
      changes: (changes) => {
        if (changes.some(({ topic }) => topic === 'orders' || topic === 'loads' || topic === 'docks')) this.#ordersTold()
        for (const { topic, id, op, data } of changes) {
          // One that was done with is in no list: what asks to be looked at again comes back into it.
          if (topic === 'alerts' && op === 'merge' && data?.['disposition_state'] === 'superseded' && !this.#tables.alerts.has(id)) void this.#fetchAlert(id)
          if (topic !== 'alerts' || op !== 'put' || data?.['state'] !== 'active') continue
          const known = this.#tables.alerts.get(id)
          if (!known || (known.severity === 'warning' && data['severity'] === 'critical')) this.newest = data as unknown as Alert
        }
        for (const topic of applyChanges(this.#tables, changes)) this.#mark(topic)
      },
      serverNow: (now) => {
        clock.learn(now)
        this.#heard = now
      },
      state: (state) => {
        this.heardAt = this.#heard
        this.connection = state
      },
      refused,
    })
    this.#live.start()
  }

  stop(): void {
    this.#live?.stop()
    this.#live = undefined
    this.#tables = emptyTables<Topics>(TOPICS)
    for (const topic of TOPICS) this.#mark(topic)
    this.loaded = false
    this.connection = 'connecting'
    this.newest = undefined
  }

  async #fetchAlert(alert_id: string): Promise<void> {
    const found = await api.GET('/api/v1/alerts/{alert_id}', { params: { path: { alert_id } } }).catch(() => undefined)
    if (found?.data) this.putAlert(found.data)
  }

  /** Takes over an alert that a request answered with, ahead of the websocket. */
  putAlert(alert: Alert): void {
    const known = this.#tables.alerts.get(alert.id)
    if (known && known.revision > alert.revision) return
    if (isDone(alert)) this.#tables.alerts.delete(alert.id)
    else this.#tables.alerts.set(alert.id, alert)
    this.#mark('alerts')
  }

  #ordersTold(): void {
    this.#ordersTimer ??= setTimeout(() => {
      this.#ordersTimer = undefined
      this.orders++
    }, ORDERS_MS)
  }

  #mark(topic: Topic): void {
    this.#dirty.add(topic)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const t of this.#dirty) this.#version[t]++
      this.#dirty.clear()
    }, Math.max(FLUSH_MS, this.#tables.vehicles.size / PER_FLUSH))
  }
}

export const world = new World()

/** Who is signed in; undefined while not known, null when nobody is. */
class Session {
  user = $state<Me | null | undefined>()
  unreachable = $state(false)
  /** Has just signed out here. */
  left = $state(false)
  /** What is shown is simulated. */
  demo = $state(false)

  may(permission: Permission): boolean {
    return this.user?.permissions.includes(permission) ?? false
  }

  async check(): Promise<void> {
    try {
      const user = await ask(api.GET('/api/v1/me'))
      await display.learn(`${user.tenant}/${user.user}`)
      this.user = user
      this.unreachable = false
      world.start(() => void this.check())
      ask(api.GET('/api/v1/config')).then(
        (config) => (this.demo = config.demo),
        () => undefined, // the pages work without knowing
      )
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.end()
      else if (this.user === undefined) {
        this.unreachable = true
        setTimeout(() => void this.check(), 3000)
      }
    }
  }

  end(): void {
    world.stop()
    this.user = null
    this.unreachable = false
  }
}

export const session = new Session()
