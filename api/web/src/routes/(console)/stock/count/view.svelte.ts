// Which count is open: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  task = $state('')

  read(query: URLSearchParams): void {
    const task = query.get('task') ?? ''
    this.task = /^\d+$/.test(task) ? task : ''
  }

  query(): URLSearchParams {
    return new URLSearchParams(this.task ? { task: this.task } : {})
  }

  open(): string {
    return this.task ? 'counts/task' : 'counts'
  }
}

export const view = new View()
