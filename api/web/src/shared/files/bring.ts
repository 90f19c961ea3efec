// A file of things brought in by one request, which tells as it goes what becomes of each line. Stopping it leaves what was
// told of; the same file sent again goes on from there.
import { m } from '#messages/files.ts'
import { m as shared } from '#messages/shared.ts'
import { ApiError, ask } from '#shared/api/client.ts'

export type Kind = 'products' | 'vehicles' | 'sites' | 'shipments' | 'customers' | 'orders' | 'sales'

export interface Counts {
  lines: number
  created: number
  changed: number
  same: number
  wrong: number
}

export interface Told {
  line: number
  id: string
  outcome: 'created' | 'changed' | 'same' | 'wrong'
  column?: string
  problem?: string
}

export interface Way {
  dry_run?: boolean
  /** What is there already is changed; else it is wrong. */
  change?: boolean
  /** Of times that name none. */
  zone?: string
  told?: 'all' | 'wrong'
}

export interface Heard {
  told?: (line: Told) => void
  note?: (text: string) => void
  progress?: (counts: Counts & { bytes: number; of_bytes: number }) => void
}

type Said =
  | ({ what: 'line' } & Told)
  | { what: 'note'; text: string }
  | ({ what: 'progress'; bytes: number; of_bytes: number } & Counts)
  | { what: 'broken'; problem: string }
  | ({ what: 'end' } & Counts)

/** What is wrong with a line. */
export const wrongWords = ({ column, problem }: Told): string => (column ? `${column}: ${problem ?? ''}` : (problem ?? ''))

/** Brings it; what became of all of it. Throws why it was refused or has not come to its end. */
export async function bring(kind: Kind, body: Blob | string, way: Way, heard: Heard, signal: AbortSignal): Promise<Counts> {
  const query = new URLSearchParams(Object.entries(way).map(([name, value]) => [name, String(value)]))
  const response = await fetch(`/api/v1/${kind}/import?${query}`, { method: 'POST', credentials: 'same-origin', body, signal }).catch((error: unknown) => {
    throw signal.aborted ? error : new ApiError(0, shared.unreachable)
  })
  if (!response.ok) await ask(Promise.resolve({ error: await response.json().catch(() => null), response })) // throws
  if (!response.body) throw new Error(m.cut_off)
  for await (const said of objects(response.body)) {
    if (said.what === 'line') heard.told?.(said)
    else if (said.what === 'note') heard.note?.(said.text)
    else if (said.what === 'progress') heard.progress?.(said)
    else if (said.what === 'broken') throw new Error(said.problem)
    else return said
  }
  throw new Error(m.cut_off)
}

/** An object on each line of a stream. */
async function* objects(stream: ReadableStream<Uint8Array>): AsyncGenerator<Said> {
  const [reader, decoder] = [stream.getReader(), new TextDecoder()]
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    rest += decoder.decode(value, { stream: !done })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line) yield JSON.parse(line) as Said
    if (done) return
  }
}
