// Writes the built pages the way the api serves them: index.html for the console, public.html for the customer's page,
// customer.json with its words, pages.json with the addresses of the console.
//
// Kit starts a page by a script inside the page; our content security policy runs none, so the script becomes a file.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import adapterStatic from '@sveltejs/adapter-static'
import type { Adapter, Builder } from '@sveltejs/kit'

/** The one route that strangers open; it has a page of its own, which loads its chunk at once and nothing of the console. */
const CUSTOMER = '/t/[token]'
const WORDS = fileURLToPath(new URL('../src/messages/customer/', import.meta.url))
/** Loaded a moment after the console, and wanted without a network too: menu, palette, help. */
const LATER = 'src/shared/frame/later.ts'
/** The words of another language; as the rest of the shell, wanted without a network too. */
const LANGUAGE = 'src/messages/de/index.ts'
const INLINE = /<script>([\s\S]*?)<\/script>/g

export function pages(folder: string): Adapter {
  const files = adapterStatic({ pages: folder, assets: folder, fallback: 'index.html' })
  return {
    name: 'frostway-pages',
    async adapt(builder) {
      await files.adapt(builder)
      const html = withoutInline(readFileSync(`${folder}/index.html`, 'utf8'), folder, builder.config.appDir)
      const { ofNode: parts, ofSource } = chunks(builder)
      writeFileSync(`${folder}/index.html`, preloading(html, parts('(console)/+layout.svelte')))
      writeFileSync(`${folder}/public.html`, customerPage(preloading(html, parts('t/[token]/+page.svelte'))))
      writeFileSync(`${folder}/customer.json`, `${JSON.stringify(customerWords())}\n`)
      writeFileSync(`${folder}/${builder.config.appDir}/shell.json`, `${JSON.stringify(shell(html, builder, parts, [LATER, LANGUAGE].flatMap(ofSource)))}\n`)
      writeFileSync(`${folder}/pages.json`, `${JSON.stringify(addresses(builder))}\n`)
    },
  }
}

/** The page with its one inline script moved into a file that is named after what is in it. */
export function withoutInline(html: string, folder: string, appDir: string): string {
  const found = [...html.matchAll(INLINE)]
  const script = found[0]?.[1]
  if (found.length !== 1 || !script) throw new Error(`Kit's page has ${found.length} inline scripts instead of one`)
  const name = `${appDir}/immutable/boot.${createHash('sha256').update(script).digest('base64url').slice(0, 8)}.js`
  writeFileSync(`${folder}/${name}`, script)
  // A classic script: it looks for the element it stands in.
  return html.replace(INLINE, `<script src="/${name}"></script>`)
}

interface Chunk {
  file: string
  imports?: string[]
  css?: string[]
}

type Files = (name: string) => string[]

/** Tells the files of a layout or page, or of a source that is loaded by `import()`: its chunk, what that imports, its styles. */
function chunks(builder: Builder): { ofNode: Files; ofSource: Files } {
  const manifest = JSON.parse(readFileSync(`${builder.getClientDirectory()}/.vite/manifest.json`, 'utf8')) as Record<string, Chunk>
  const nodes = builder.getBuildDirectory('generated/build/client-optimized/nodes')
  const under = (name: string, root: string | undefined): string[] => {
    if (!root) throw new Error(`no chunk of ${name} was built`)
    const files = new Set<string>()
    const visit = (key: string): void => {
      const chunk = manifest[key]
      if (!chunk || files.has(chunk.file)) return
      files.add(chunk.file)
      for (const file of chunk.css ?? []) files.add(file)
      for (const each of chunk.imports ?? []) visit(each)
    }
    visit(root)
    return [...files]
  }
  return {
    ofNode: (component) => {
      const node = readdirSync(nodes).find((name) => readFileSync(`${nodes}/${name}`, 'utf8').includes(`/src/routes/${component}"`))
      return under(component, Object.keys(manifest).find((key) => node && key.endsWith(`/client-optimized/nodes/${node}`)))
    },
    ofSource: (path) => under(path, Object.keys(manifest).find((key) => key.endsWith(path))),
  }
}

/** Kit names what every page needs; this adds what this page needs, so that it comes with the first answer too. */
function preloading(html: string, files: readonly string[]): string {
  const links = files
    .filter((file) => !html.includes(`"/${file}"`))
    .map((file) => `<link href="/${file}" rel="${file.endsWith('.css') ? 'preload" as="style" crossorigin="' : 'modulepreload'}" />`)
  return html.replace('</head>', `  ${links.join('\n    ')}\n  </head>`)
}

/** What the console needs to open each of its pages without a network; maps and curves are kept when they are used. */
function shell(html: string, builder: Builder, parts: Files, later: readonly string[]): string[] {
  const pages = builder.routes.map((route) => route.id).filter((id) => id !== CUSTOMER)
  const found = pages.flatMap((id) => parts(`${id}/+page.svelte`.replace(/^\/+/, '')))
  const linked = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
  return [...new Set([...linked, ...[...parts('(console)/+layout.svelte'), ...parts('+error.svelte'), ...later, ...found].map((file) => `/${file}`)])].sort()
}

/** Its words in each language, for the server to say them where no script runs. */
function customerWords(): Record<string, unknown> {
  const files = readdirSync(WORDS).sort()
  return Object.fromEntries(files.map((name) => [name.replace('.json', ''), JSON.parse(readFileSync(WORDS + name, 'utf8')) as unknown]))
}

/** The server puts what it knows in front of #app. */
function customerPage(html: string): string {
  const style = readFileSync(new URL('../src/routes/t/[token]/plain.css', import.meta.url), 'utf8').replace(/\/\*.*?\*\//gs, '').replace(/\s+/g, ' ')
  return html
    .replace(/ *<noscript>.*<\/noscript>\n/, '')
    .replace('</head>', `  <style>${style}</style>\n  </head>`)
    .replace(/ *<link rel="(manifest|apple-touch-icon)"[^>]*>\n/g, '')
    .replace('<title>Frostway</title>', '<meta name="robots" content="noindex, nofollow, noarchive" /><title>Your shipment</title>')
    .replace('<meta name="referrer" content="same-origin" />', '<meta name="referrer" content="no-referrer" />')
}

/** '/', '/alerts', '/vehicles/{id}': as the api's router writes them. */
function addresses(builder: Builder): string[] {
  return builder.routes
    .map((route) => route.id)
    .filter((id) => id !== CUSTOMER)
    .map((id) => id.replace(/\/\([^)]+\)/g, '').replace(/\[([^\]]+)\]/g, '{$1}') || '/')
    .sort()
}
