// What the user chose: page, filter, selection, theme. Filter and selection are kept in the address, so that a link or
// a reload shows the same; map and list both read them here, so they can never differ.
import type { Status } from './status.ts'
import { STATUSES } from './status.ts'

export type Page = 'map' | 'alerts'
export type Tab = 'vehicles' | 'stock' | 'alerts'
export type Theme = 'auto' | 'light' | 'dark'
export type Snap = 'peek' | 'half' | 'full'

const dark = matchMedia('(prefers-color-scheme: dark)')

/** Storage may be forbidden in a private window; then the choice lasts as long as the page. */
function recall(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // nothing to do: see recall
  }
}

class Ui {
  page = $state<Page>('map')
  tab = $state<Tab>('vehicles')
  selected = $state<string | null>(null)
  alert = $state<string | null>(null)
  site = $state<string | null>(null)
  text = $state('')
  statuses = $state<Status[]>([])
  follow = $state(false)
  help = $state(false)
  snap = $state<Snap>('half')
  shortcuts = $state(recall('frostway.shortcuts') !== 'off')
  theme = $state<Theme>((recall('frostway.theme') as Theme | null) ?? 'auto')
  #systemDark = $state(dark.matches)

  constructor() {
    dark.addEventListener('change', () => (this.#systemDark = dark.matches))
    addEventListener('popstate', () => this.read())
    this.read()
  }

  get dark(): boolean {
    return this.theme === 'auto' ? this.#systemDark : this.theme === 'dark'
  }

  setTheme(theme: Theme): void {
    this.theme = theme
    keep('frostway.theme', theme)
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on
    keep('frostway.shortcuts', on ? 'on' : 'off')
  }

  go(page: Page): void {
    if (page === this.page) return
    this.page = page
    history.pushState(null, '', this.#address())
  }

  select(vehicle: string | null): void {
    if (vehicle !== this.selected) this.follow = false
    this.selected = vehicle
    if (vehicle && this.snap === 'full') this.snap = 'half'
  }

  toggle(status: Status): void {
    this.statuses = this.statuses.includes(status)
      ? this.statuses.filter((s) => s !== status)
      : [...this.statuses, status]
  }

  read(): void {
    const query = new URLSearchParams(location.search)
    this.page = location.pathname === '/alerts' ? 'alerts' : 'map'
    const tab = query.get('tab')
    this.tab = tab === 'stock' || tab === 'alerts' ? tab : 'vehicles'
    this.selected = query.get('vehicle')
    this.alert = query.get('alert')
    this.site = query.get('site')
    this.text = query.get('q') ?? ''
    const wanted = (query.get('status') ?? '').split(',')
    this.statuses = STATUSES.filter((s) => wanted.includes(s))
  }

  /** Call in an $effect: keeps the address in step without filling the history. */
  write(): void {
    const address = this.#address()
    if (address !== location.pathname + location.search) history.replaceState(history.state, '', address + location.hash)
  }

  #address(): string {
    const query = new URLSearchParams()
    if (this.page === 'map') {
      if (this.tab !== 'vehicles') query.set('tab', this.tab)
      if (this.selected) query.set('vehicle', this.selected)
      if (this.site) query.set('site', this.site)
      if (this.text) query.set('q', this.text)
      if (this.statuses.length) query.set('status', this.statuses.join(','))
    } else if (this.alert) query.set('alert', this.alert)
    const text = query.toString()
    return (this.page === 'alerts' ? '/alerts' : '/') + (text ? `?${text}` : '')
  }
}

export const ui = new Ui()

/** True where a single letter is text and not a command. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return !!target?.closest('input, textarea, select, [contenteditable], dialog') || event.ctrlKey || event.metaKey || event.altKey
}
