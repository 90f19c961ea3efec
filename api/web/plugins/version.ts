// The same sources give the same files: what Kit calls a version is what the sources are, not when they were built.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const WEB = fileURLToPath(new URL('..', import.meta.url))

export function version(): string {
  const hash = createHash('sha256').update(readFileSync(`${WEB}package-lock.json`)).update(readFileSync(`${WEB}vite.config.ts`))
  for (const folder of ['plugins', 'src', 'static'])
    for (const entry of readdirSync(WEB + folder, { recursive: true, withFileTypes: true }).sort(byPath))
      if (entry.isFile()) hash.update(entry.name).update(readFileSync(`${entry.parentPath}/${entry.name}`))
  return hash.digest('base64url').slice(0, 12)
}

const byPath = (a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number =>
  `${a.parentPath}/${a.name}` < `${b.parentPath}/${b.name}` ? -1 : 1
