import { fileURLToPath } from 'node:url'

import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import type { Plugin } from 'vite'

import { basemap } from './plugins/basemap.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const api = process.env['FROSTWAY_DEV_API'] ?? 'http://127.0.0.1:8080'

/** The development server answers the two pages' addresses as the real api does. */
function pages(): Plugin {
  return {
    name: 'frostway-pages',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const path = (request.url ?? '').split('?')[0] ?? ''
        if (path === '/alerts') request.url = '/index.html'
        else if (path.startsWith('/t/')) request.url = '/public.html'
        next()
      })
    },
  }
}

export default defineConfig({
  appType: 'mpa',
  plugins: [basemap(), pages(), svelte()],
  server: { proxy: { '/api': api, '/ws': { target: api, ws: true } } },
  worker: { format: 'es' },
  build: {
    outDir: here('../static'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no inline script, and one rule is simpler than two
    license: { fileName: 'assets/licenses.md' }, // of what is bundled
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200, // MapLibre, loaded lazily
    rolldownOptions: { input: { index: here('index.html'), public: here('public.html') } },
  },
})
