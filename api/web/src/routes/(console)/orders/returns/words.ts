// Returns in words: how far a line is, and a return as a whole.
import { m } from '#messages/returns.ts'
import type { GoodsReturn, ReturnLine } from '#shared/api/shapes.ts'
import type { Doing } from '#shared/ui/state.ts'

const LOOKS: Readonly<Record<string, Doing['looks']>> = { announced: 'new', received: 'wait', cancelled: 'off' }

export function doingOf({ state, decision }: Pick<ReturnLine, 'state' | 'decision'>): Doing {
  const looks = LOOKS[state] ?? (decision === 'restock' ? 'good' : 'off')
  return { looks, word: m.state(state), more: decision ? m.decided_as(decision) : '' }
}

/** What is still to be done with one of its lines is how far it is. */
export function standing({ lines }: Pick<GoodsReturn, 'lines'>): Doing {
  const state = ['received', 'announced', 'decided'].find((each) => lines.some((line) => line.state === each)) ?? 'cancelled'
  const decision = state === 'decided' && lines.every((line) => line.decision === lines[0]?.decision) ? (lines[0]?.decision ?? null) : null
  return doingOf({ state, decision })
}
