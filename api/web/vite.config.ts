import { fileURLToPath } from 'node:url'

import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'

import { basemap } from './plugins/basemap.ts'
import { pages } from './plugins/pages.ts'
import { version } from './plugins/version.ts'

const api = process.env['FROSTWAY_DEV_API'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    basemap(),
    sveltekit({
      compilerOptions: { runes: true },
      adapter: pages(fileURLToPath(new URL('../static', import.meta.url))),
      appDir: 'assets',
      paths: { relative: false },
      version: { name: version(), pollInterval: 10 * 60_000 },
      serviceWorker: { register: false }, // the console does it, not the customer's page
    }),
  ],
  server: { proxy: { '/api': api, '/ws': { target: api, ws: true } } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no inline script, and one rule is simpler than two
    license: { fileName: 'assets/licenses.md' }, // of what is bundled
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200, // MapLibre, loaded lazily
  },
})
