// Snapshot + deltas = the state of the server. Plain maps, no framework, so that the law can be tested on its own.
import { TOPICS } from './feed.ts'
import type { Change, Snapshot, Topic, Topics } from './feed.ts'

export type Tables = { [T in Topic]: Map<string, Topics[T]> }

export function emptyTables(): Tables {
  return { vehicles: new Map(), shipments: new Map(), alerts: new Map(), stock: new Map(), sites: new Map() }
}

/** Replaces the topics that the snapshot carries, keeps the others. Returns the topics touched. */
export function applySnapshot(tables: Tables, snapshot: Snapshot): Topic[] {
  const touched = TOPICS.filter((topic) => snapshot[topic] !== undefined)
  for (const topic of touched) {
    const table = tables[topic] as Map<string, { id: string }>
    table.clear()
    for (const row of snapshot[topic] ?? []) table.set(row.id, row)
  }
  return touched
}

/**
 * Applies changes in their order. Objects are replaced, never mutated, so that whoever compares by identity sees what
 * changed. A merge of an object never seen is ignored: the resync that follows brings it whole.
 */
export function applyChanges(tables: Tables, changes: readonly Change[]): Set<Topic> {
  const touched = new Set<Topic>()
  for (const { topic, id, op, data } of changes) {
    if (!(TOPICS as readonly string[]).includes(topic)) continue
    const table = tables[topic as Topic] as Map<string, object>
    if (op === 'delete') table.delete(id)
    else if (op === 'put' && data) table.set(id, data)
    else {
      const before = table.get(id)
      if (!before || !data) continue
      table.set(id, { ...before, ...data })
    }
    touched.add(topic as Topic)
  }
  return touched
}
