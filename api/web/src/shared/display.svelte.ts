// In which units and zone the viewer sees the pages: a choice that the server keeps, so that it is the same on each device.
// The browser keeps a copy, so that nothing is shown in other units until the server has answered.
import { choose as chooseLanguage } from '#messages/language.ts'

import { api, ask, words } from './api/client.ts'
import type { DisplayIn, MyDisplay } from './api/shapes.ts'
import { displayFrom } from './format.ts'
import type { Display } from './format.ts'
import { keep, recall } from './kept.ts'

export type Shown = MyDisplay['shown']

const KEY = 'frostway.display'
export const PLAIN: Shown = { temperature: 'celsius', distance: 'metric', tz: 'browser', language: 'browser' }

/** A zone that this browser knows; undefined: its own. */
export function zoneOf(tz: string): string | undefined {
  if (tz === 'browser') return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone && tz
  } catch {
    return undefined
  }
}

/** What was kept here, and of whom. */
function kept(): { who: string; shown: Shown } {
  try {
    const found = JSON.parse(recall(KEY) ?? '{}') as { who?: string; shown?: Shown }
    return { who: found.who ?? '', shown: { ...PLAIN, ...found.shown } }
  } catch {
    return { who: '', shown: PLAIN }
  }
}

class Displayed {
  #who = kept().who
  shown = $state.raw<Shown>(kept().shown)
  told = $state.raw<MyDisplay | undefined>()
  /** Why it could not be read. */
  failed = $state('')
  readonly #display = $derived<Display>({
    fahrenheit: this.shown.temperature === 'fahrenheit',
    imperial: this.shown.distance === 'imperial',
    zone: zoneOf(this.shown.tz),
  })

  constructor() {
    displayFrom(() => this.#display)
  }

  /** Of whom the pages are now. Waits for the server only where nothing is kept of them. */
  async learn(who: string): Promise<void> {
    const known = this.#who === who
    if (!known) [this.#who, this.shown, this.told] = [who, PLAIN, undefined]
    const asked = this.read()
    if (!known) await asked
  }

  /** Asks for it. Where that fails the pages go on with what is kept, or without. */
  async read(): Promise<void> {
    const who = this.#who
    try {
      const told = await ask(api.GET('/api/v1/me/display'))
      this.failed = ''
      await this.#take(who, told)
    } catch (error) {
      this.failed = words(error)
    }
  }

  /** Another choice of one's own. */
  async choose(body: DisplayIn): Promise<void> {
    await this.#take(this.#who, await ask(api.PATCH('/api/v1/me/display', { body })))
  }

  /** Another default for everybody. */
  async chooseForAll(body: DisplayIn): Promise<void> {
    await ask(api.PATCH('/api/v1/display', { body }))
    await this.#take(this.#who, await ask(api.GET('/api/v1/me/display')))
  }

  async #take(who: string, told: MyDisplay): Promise<void> {
    if (who !== this.#who) return
    this.told = told
    this.shown = told.shown
    keep(KEY, JSON.stringify({ who, shown: told.shown }))
    if (!chooseLanguage(told.shown.language)) return
    location.reload()
    await new Promise(() => undefined) // nothing is shown in the other language meanwhile
  }
}

export const display = new Displayed()
