// Whether routes decide which alerts channels are told: then what a channel has chosen by itself does not count.
import { api, ask } from '#shared/api/client.ts'

class Routed {
  /** How many routes there are; undefined while nobody knows. */
  n = $state<number | undefined>()

  async read(): Promise<void> {
    this.n = (await ask(api.GET('/api/v1/alert-routes'))).routes.length
  }
}

export const routed = new Routed()
