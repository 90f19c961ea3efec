// Prints what a browser has to load, compressed, and fails when the first page is over its budget: `npm run sizes`.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const STATIC = fileURLToPath(new URL('../../static/', import.meta.url))
const MANIFEST = new URL('../.svelte-kit/output/client/.vite/manifest.json', import.meta.url)
const NODES = new URL('../.svelte-kit/generated/build/client-optimized/nodes/', import.meta.url)

/** Bytes of a first load without the map, compressed. */
const FIRST_LOAD_MAX = 120_000
/** What the customer's page may load: it is opened once, on a phone, on the road. Each page of the console adds its name. */
const CUSTOMER_MAX = 64_000

interface Chunk {
  file: string
  imports?: string[]
  dynamicImports?: string[]
  css?: string[]
}
const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as Record<string, Chunk>
const compressed = (file: string): number => gzipSync(readFileSync(STATIC + file), { level: 9 }).length
const total = (files: Iterable<string>): number => [...files].reduce((sum, file) => sum + compressed(file), 0)

/** The files of a chunk with all that it imports at once. */
function closure(key: string, found = new Set<string>()): Set<string> {
  const chunk = manifest[key]
  if (!chunk || found.has(chunk.file)) return found
  found.add(chunk.file)
  for (const file of chunk.css ?? []) found.add(file)
  for (const each of chunk.imports ?? []) closure(each, found)
  return found
}

/** The console's pages by their folder in src/routes/(console), with the key of their chunk. */
function consolePages(): [folder: string, key: string][] {
  return readdirSync(NODES).flatMap((name): [string, string][] => {
    const [, folder] = /\/src\/routes\/\(console\)\/(.*)\+page\.svelte"/.exec(readFileSync(new URL(name, NODES), 'utf8')) ?? []
    const key = Object.keys(manifest).find((each) => each.endsWith(`/client-optimized/nodes/${name}`))
    return folder === undefined || key === undefined ? [] : [[folder.replace(/\/$/, ''), key]]
  })
}

function linked(page: string): Set<string> {
  const html = readFileSync(STATIC + page, 'utf8')
  return new Set([page, ...[...html.matchAll(/(?:href|src)="\/(assets\/[^"]+)"/g)].map(([, file]) => file ?? '')])
}

const pages = consolePages()
const rows: [name: string, bytes: number, max?: number][] = []
const frame = linked('index.html')
rows.push(['frame (every page of the console)', total(frame)])
for (const [folder, key] of pages) {
  const own = [...closure(key)].filter((file) => !frame.has(file))
  rows.push([`  chunk of ${folder}`, total(own)])
  rows.push([`  first load of ${folder}`, total(frame) + total(own), FIRST_LOAD_MAX])
}
const customer = linked('public.html')
rows.push(['customer page /t/…', total(customer), CUSTOMER_MAX])
const lazily = Object.keys(manifest).filter((key) => /shared\/(map\/base|chart)\.ts$|frame\/later\.ts$|messages\/de\/index\.ts$/.test(key))
const shown = new Set([...frame, ...customer, ...pages.flatMap(([, key]) => [...closure(key)])])
for (const key of lazily) rows.push([`later: ${key.replace('src/', '')}`, total([...closure(key)].filter((file) => !shown.has(file)))])

let over = 0
for (const [name, bytes, max] of rows) {
  const verdict = max === undefined ? '' : bytes <= max ? ` (at most ${(max / 1000).toFixed(0)})` : ` OVER ${(max / 1000).toFixed(0)}`
  if (max !== undefined && bytes > max) over++
  console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${name}${verdict}`)
}
process.exitCode = over ? 1 : 0
