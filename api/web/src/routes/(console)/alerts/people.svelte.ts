// Who may be given an alert, or be spoken of; asked for once.
import { api, ask } from '#shared/api/client.ts'
import type { Colleague } from '#shared/api/shapes.ts'

class People {
  all = $state.raw<readonly Colleague[]>([])
  #asked = false

  async load(): Promise<void> {
    if (this.#asked) return
    this.#asked = true
    try {
      this.all = (await ask(api.GET('/api/v1/colleagues', { params: { query: { limit: 1000 } } }))).items
    } catch {
      this.#asked = false // next time
    }
  }

  /** Those whose name has a text in it. */
  named(text: string): readonly Colleague[] {
    const wanted = text.trim().toLowerCase()
    return this.all.filter(({ name }) => name.toLowerCase().includes(wanted))
  }
}

export const people = new People()
