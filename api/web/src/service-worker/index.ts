// Keeps the shell of the console for when there is no network. It holds built files only: never an answer of the api,
// never a customer's page. With a network the page always comes from the server, so no old shell talks to a new api.
// Shows what is told by web push: to staff, and registered below /t/ to customers, for whom it does nothing else.
import { version } from '$app/env'
import { routes } from '$app/manifest'
import { self } from '$app/service-worker'

const PREFIX = 'frostway-'
const CACHE = PREFIX + version
const SHELL = '/'
const LASTING = '/assets/immutable/' // named after what is in them

/** The console's addresses; a folder in brackets is a parameter, one in parentheses is none of the address. */
const CONSOLE = routes
  .filter(({ id, page }) => page && !id.startsWith('/t/'))
  .map(({ id }) => new RegExp(`^${id.replace(/\/\([^)]+\)/g, '').replace(/\[[^\]]+\]/g, '[^/]+') || '/'}$`))

/** Whether it is the console's, or one that only tells a customer. */
const ofConsole = (): boolean => new URL(self.registration.scope).pathname === '/'

self.addEventListener('install', (event) => {
  event.waitUntil((ofConsole() ? keep() : Promise.resolve()).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  if (ofConsole()) event.waitUntil(forget().then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== self.location.origin || !ofConsole()) return
  if (pathname.startsWith(LASTING)) event.respondWith(lasting(request))
  else if (request.mode === 'navigate' && CONSOLE.some((page) => page.test(pathname))) event.respondWith(page(request))
})

/** What the server tells of an alert or a delivery; it leads to a page of ours. */
interface Told {
  title: string
  body: string
  url: string
}

const NOTHING: Told = { title: 'Frostway', body: '', url: '' }

/** What came; something has to be shown of a message that says nothing, or the browser does so itself. */
function told(data: PushMessageData | null): Told {
  try {
    return (data?.json() as Told | undefined) ?? NOTHING
  } catch {
    return NOTHING
  }
}

self.addEventListener('push', (event) => {
  const { title, body, url } = told(event.data)
  event.waitUntil(self.registration.showNotification(title, { body, tag: `${title} ${url}`, icon: '/icon-192.png', data: url }))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  if (event.notification.data) event.waitUntil(show(new URL(String(event.notification.data), self.location.origin)))
})

/** A page in a window that is open, or in a new one. */
async function show(url: URL): Promise<void> {
  if (url.origin !== self.location.origin) return
  const [window] = await self.clients.matchAll({ type: 'window' })
  const shown = await window?.navigate(url.href).catch(() => null)
  await (shown ? shown.focus() : self.clients.openWindow(url.href))
}

async function keep(): Promise<void> {
  const list = await fetch('/assets/shell.json', { cache: 'no-store' })
  const cache = await caches.open(CACHE)
  await cache.addAll([SHELL, ...((await list.json()) as string[])])
}

/** The files of other versions. */
async function forget(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name)
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch (error) {
    const shell = await caches.match(SHELL, { cacheName: CACHE })
    if (shell) return shell
    throw error
  }
}

const store = async (url: string, answer: Response): Promise<void> => (await caches.open(CACHE)).put(url, answer)

async function lasting(request: Request): Promise<Response> {
  const kept = await caches.match(request.url, { ignoreVary: true })
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.status === 200) void store(request.url, answer.clone()).catch(() => undefined) // a full disk: next time
  return answer
}
