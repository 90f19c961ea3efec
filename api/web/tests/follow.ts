// Follows a live feed and writes a line for every message: what came, and all that is known after it.
// node follow.ts URL TOKEN WANTED
import { applyChanges, applySnapshot, emptyTables, Live } from '#client/index.ts'

type Topics = Record<string, { id: string }>

const [url, token, wanted] = process.argv.slice(2) as [string, string, string]
const what = JSON.parse(wanted) as { topics: string[] }
const tables = emptyTables<Topics>(what.topics)

function tell(kind: string): void {
  const state = Object.fromEntries(what.topics.map((topic) => [topic, Object.fromEntries(tables[topic] ?? [])]))
  console.log(JSON.stringify({ kind, state }))
}

new Live<Topics>(url, what, {
  snapshot: (message) => (applySnapshot(tables, message), tell('snapshot')),
  changes: (changes) => (applyChanges(tables, changes), tell('delta')),
  serverNow: () => undefined,
  state: (connection) => tell(connection),
  refused: (reason) => tell(`refused ${reason}`),
}, { token }).start()
