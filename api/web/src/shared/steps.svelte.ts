// The first steps and the simulated fleet, as the API tells them; read again while somebody looks.
import { api, ask, words } from './api/client.ts'
import type { Demo, FirstSteps as Told } from './api/shapes.ts'

class FirstSteps {
  told = $state.raw<Told | undefined>()
  demo = $state.raw<Demo | undefined>()
  failed = $state('')

  async read(): Promise<void> {
    try {
      ;[this.told, this.demo] = await Promise.all([ask(api.GET('/api/v1/first-steps')), ask(api.GET('/api/v1/demo'))])
      this.failed = ''
    } catch (error) {
      this.failed = words(error)
    }
  }

  async want(wanted: boolean): Promise<void> {
    this.demo = await ask(wanted ? api.POST('/api/v1/demo') : api.DELETE('/api/v1/demo'))
  }
}

export const firstSteps = new FirstSteps()
