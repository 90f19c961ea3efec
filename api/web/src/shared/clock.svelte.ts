// The server's time on this screen. Ages are computed with it, because the clock of a viewer's machine may be wrong.

class Clock {
  /** Server time in ms, renewed every second. */
  now = $state(Date.now())
  #offset: number | undefined

  constructor() {
    setInterval(() => (this.now = this.read()), 1000)
  }

  /** Server time in ms at this very moment (not reactive). */
  read(): number {
    return Date.now() + (this.#offset ?? 0)
  }

  /**
   * Learns from a server time just received. A message can only arrive late, so the largest difference is the truest;
   * smaller ones pull slowly, which follows a viewer's clock that is set back.
   */
  learn(serverNow: number): void {
    if (Number.isNaN(serverNow)) return
    const seen = serverNow - Date.now()
    const before = this.#offset
    this.#offset = before === undefined || seen > before ? seen : before + (seen - before) * 0.1
    if (before === undefined) this.now = this.read()
  }
}

export const clock = new Clock()
