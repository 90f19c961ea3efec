// The driver's page by itself: reads stops while there is a network, shows those that were kept while there is none, and
// sends what was told, one after the other, until the server has answered each.
import { api, ApiError, ask, words } from '#shared/api/client.ts'
import type { ProofIn, Run } from '#shared/api/shapes.ts'

import { all, drop, idOf, nextKey, one, put } from './keep.ts'
import type { Link, Picture, Told } from './keep.ts'

const READ_MS = 20_000
const SEND_MS = 10_000

const byTime = (a: Told, b: Told): number => a.madeAt - b.madeAt

class Drive {
  links = $state.raw<readonly Link[]>([])
  told = $state.raw<readonly Told[]>([])
  /** Pictures that are still to be sent. */
  pictures = $state.raw<readonly string[]>([])
  token = $state('')
  offline = $state(false)
  failed = $state('')
  cannotKeep = $state(false)
  ready = $state(false)
  #busy = false

  get link(): Link | undefined {
    return this.links.find(({ token }) => token === this.token)
  }
  get run(): Run | undefined {
    return this.link?.run
  }
  /** How many proofs the server has not got whole. */
  get unsent(): number {
    return this.told.filter((each) => each.state !== 'sent' || this.left(each) > 0).length
  }
  left({ body }: Told): number {
    return [body.signature, ...(body.photos ?? [])].filter((each) => each && this.pictures.includes(each)).length
  }

  async begin(token: string): Promise<void> {
    try {
      if (token && !(await one('links', token))) await put('links', { token, readAt: 0 })
      await this.#recall()
    } catch {
      this.cannotKeep = true
      if (token) this.links = [{ token, readAt: 0 }]
    }
    const newest = [...this.links].sort((a, b) => b.readAt - a.readAt)[0]
    this.token = token || newest?.token || ''
    this.ready = true
    void navigator.storage?.persist?.()
    await this.read()
    await this.send()
  }
  async #recall(): Promise<void> {
    const [links, told, pictures] = await Promise.all([all('links'), all('told'), all('pictures')])
    ;[this.links, this.told, this.pictures] = [links, told.sort(byTime), pictures.map(({ sha256 }) => sha256)]
  }

  /** Reads the stops of the shipment that is shown. */
  async read(): Promise<void> {
    const { token } = this
    if (!token) return
    try {
      const run = await ask(api.GET('/api/v1/public/runs/{token}', { params: { path: { token } } }))
      await this.#link({ token, run, readAt: Date.now() })
      ;[this.offline, this.failed] = [false, '']
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) await this.#link({ ...(this.link ?? { token, readAt: 0 }), gone: true })
      else if (error instanceof ApiError && error.status > 0 && error.status !== 503) this.failed = words(error)
      else this.offline = true
    }
  }
  async #link(link: Link): Promise<void> {
    this.links = [...this.links.filter(({ token }) => token !== link.token), link]
    if (!this.cannotKeep) await put('links', link)
  }

  /** Keeps what came of a stop, with its pictures, before anything else; then tries to send it. */
  async tell(stop: string, said: Omit<ProofIn, 'device' | 'boot' | 'seq'>, pictures: readonly Picture[]): Promise<void> {
    const body = { ...nextKey(), ...said }
    const told: Told = { id: idOf(body), token: this.token, stop, body, madeAt: Date.now(), state: 'waiting' }
    for (const picture of pictures) await put('pictures', picture)
    await this.#put(told)
    this.pictures = [...new Set([...this.pictures, ...pictures.map(({ sha256 }) => sha256)])]
    void this.send()
  }
  async #put(told: Told): Promise<void> {
    await put('told', told)
    this.told = [...this.told.filter(({ id }) => id !== told.id), told].sort(byTime)
  }

  /** What was refused, once more; as another one it has a number of its own. */
  async again(told: Told, { another = false } = {}): Promise<void> {
    const { status: _status, problem: _problem, ...rest } = told
    const body = another ? { ...told.body, ...nextKey() } : told.body
    await this.#put({ ...rest, body, id: another ? idOf(body) : told.id, state: 'waiting' })
    if (another) {
      await drop('told', told.id)
      this.told = this.told.filter(({ id }) => id !== told.id)
    }
    await this.send()
  }

  async send(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      for (const told of this.told.filter(({ state }) => state === 'waiting')) await this.#sendOne(told)
      for (const told of this.told.filter(({ state }) => state === 'sent')) await this.#sendPictures(told)
      this.offline = false
    } catch {
      this.offline = true // all that is left waits for the next time
    } finally {
      this.#busy = false
    }
  }

  /** Raises what says that there is no network, or that the server wants to be asked later. */
  async #sendOne(told: Told): Promise<void> {
    const path = { token: told.token, stop_id: told.stop }
    try {
      const answer = await ask(api.POST('/api/v1/public/runs/{token}/stops/{stop_id}/deliveries', { params: { path }, body: told.body }))
      await this.#put({ ...told, state: 'sent', answer, sentAt: Date.now() })
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500 || error.status === 429 || error.status === 408) throw error
      await this.#put({ ...told, state: 'refused', status: error.status, problem: words(error) })
    }
  }
  async #sendPictures(told: Told): Promise<void> {
    for (const sha256 of [told.body.signature, ...(told.body.photos ?? [])]) {
      const picture = sha256 && this.pictures.includes(sha256) ? await one('pictures', sha256) : undefined
      if (!picture) continue
      const answer = await fetch(`/api/v1/public/runs/${encodeURIComponent(told.token)}/pictures/${picture.sha256}`, {
        method: 'PUT', body: picture.content, headers: { 'content-type': picture.type }, signal: AbortSignal.timeout(60_000),
      })
      if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Error(answer.statusText)
      if (!answer.ok && answer.status !== 422) return // the link has ended: it stays here
      await drop('pictures', picture.sha256)
      this.pictures = this.pictures.filter((each) => each !== picture.sha256)
    }
  }

  /** Reads and sends while the page is seen; the answer ends it. */
  follow(): () => void {
    const look = (): void => {
      if (document.visibilityState === 'hidden') return
      void this.send().then(() => this.read())
    }
    const timers = [
      setInterval(() => document.visibilityState !== 'hidden' && void this.read(), READ_MS),
      setInterval(() => this.unsent > 0 && void this.send(), SEND_MS),
    ]
    addEventListener('online', look)
    document.addEventListener('visibilitychange', look)
    return () => {
      for (const timer of timers) clearInterval(timer)
      removeEventListener('online', look)
      document.removeEventListener('visibilitychange', look)
    }
  }
}

export const drive = new Drive()
