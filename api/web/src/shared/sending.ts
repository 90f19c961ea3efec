// Many things sent one by one: a busy server is asked again, and what it refuses harms none of the others.
import { ApiError, words } from '#shared/api/client.ts'

const WAITS = 6 // how often a busy server is asked again for one

/** Sends one; what is wrong with it, '' when it is in, null when nobody answered or it was stopped. */
export async function sent(send: () => Promise<unknown>, stopped: () => boolean, unanswered: (why: string) => void): Promise<string | null> {
  for (let n = 1; ; n++) {
    try {
      await send()
      return ''
    } catch (error) {
      const busy = error instanceof ApiError && [0, 429, 503].includes(error.status)
      if (!busy) return words(error)
      if (n === WAITS || stopped()) {
        unanswered(words(error))
        return null
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfterS ?? n)))
    }
  }
}
