// Short notices at the edge of the page. What failed stays until it is closed, the rest leaves by itself.
import { untrack } from 'svelte'

export interface Toast {
  id: number
  text: string
  bad: boolean
  act?: { name: string; run: () => void }
}

const SHOWN_MS = 6_000

class Toasts {
  all = $state.raw<readonly Toast[]>([])
  #last = 0
  #timers = new Map<number, ReturnType<typeof setTimeout>>()

  show(text: string, more: { bad?: boolean; act?: Toast['act']; lasts?: number } = {}): void {
    const toast: Toast = { id: ++this.#last, text, bad: more.bad ?? false, ...(more.act ? { act: more.act } : {}) }
    // Untracked: an effect that shows a notice does not depend on those there are.
    this.all = [...untrack(() => this.all).filter((each) => each.text !== text), toast].slice(-3)
    const lasts = more.lasts ?? (toast.bad || toast.act ? 0 : SHOWN_MS)
    if (lasts) this.#timers.set(toast.id, setTimeout(() => this.close(toast.id), lasts))
  }

  close(id: number): void {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
    this.all = this.all.filter((each) => each.id !== id)
  }
}

export const toasts = new Toasts()
