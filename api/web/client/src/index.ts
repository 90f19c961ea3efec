// The live feed of Frostway for programs in TypeScript and JavaScript.
export { Live, backoff } from './live.ts'
export type { Connection, Handlers, Options, Wanted } from './live.ts'
export { applyChanges, applySnapshot, emptyTables } from './state.ts'
export type { Change, Message, Objects, Snapshot, Tables } from './state.ts'
