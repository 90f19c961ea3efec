// Snapshot + deltas = the state of the server. Plain maps, no framework, so that the law can be tested on its own.

/** What a topic holds, by the name of the topic; only the `id` is needed here. */
export type Objects<T> = { [K in keyof T]: { id: string } }

export interface Change {
  topic: string
  id: string
  op: 'put' | 'merge' | 'delete' | 'tell'
  data?: Record<string, unknown>
}

export type Snapshot<T> = { type: 'snapshot'; cursor: string; now: string } & { [K in keyof T]?: T[K][] }

export type Message<T> =
  | Snapshot<T>
  | { type: 'delta'; cursor: string; now: string; changes: Change[] }
  | { type: 'ping'; now: string; cursor?: string }
  | { type: 'resync' }
  | { type: 'error'; detail: string }

export type Tables<T> = { [K in keyof T]: Map<string, T[K]> }

export function emptyTables<T>(topics: readonly (keyof T)[]): Tables<T> {
  return Object.fromEntries(topics.map((topic) => [topic, new Map()])) as Tables<T>
}

/** Replaces the topics that the snapshot carries, keeps the others. Returns the topics touched. */
export function applySnapshot<T extends Objects<T>>(tables: Tables<T>, snapshot: Snapshot<T>): (keyof T)[] {
  const touched = (Object.keys(tables) as (keyof T)[]).filter((topic) => snapshot[topic] !== undefined)
  for (const topic of touched) {
    const table = tables[topic]
    table.clear()
    for (const row of (snapshot[topic] ?? []) as T[typeof topic][]) table.set(row.id, row)
  }
  return touched
}

/**
 * Applies changes in their order. Objects are replaced, never mutated, so that whoever compares by identity sees what
 * changed. A merge of an object never seen is ignored: the resync that follows brings it whole. News (`tell`) are no
 * object's state.
 */
export function applyChanges<T>(tables: Tables<T>, changes: readonly Change[]): Set<keyof T> {
  const touched = new Set<keyof T>()
  for (const { topic, id, op, data } of changes) {
    if (!Object.hasOwn(tables, topic) || op === 'tell') continue
    const table = tables[topic as keyof T] as Map<string, object>
    if (op === 'delete') table.delete(id)
    else if (op === 'put' && data) table.set(id, data)
    else {
      const before = table.get(id)
      if (!before || !data) continue
      table.set(id, { ...before, ...data })
    }
    touched.add(topic as keyof T)
  }
  return touched
}
