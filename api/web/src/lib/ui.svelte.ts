// What the user chose: page, filter, selection, theme. Filters and selection are kept in the address, so that a link or
// a reload shows the same; map and list both read them here, so they can never differ. What opens a page, a vehicle, an
// alert or a place is a step of the history: Back closes it and stays here.
import type { Status } from './status.ts'
import { STATUSES } from './status.ts'

export type Page = 'map' | 'alerts'
export type Tab = 'vehicles' | 'stock' | 'alerts'
export type Theme = 'auto' | 'light' | 'dark'
export type Snap = 'peek' | 'half' | 'full'
/** Alerts by state; `open`: active, or cleared and seen by nobody. */
export type Phase = 'open' | 'active' | 'cleared' | 'resolved'
export type Acknowledged = 'any' | 'no' | 'yes'

const PHASES: readonly Phase[] = ['open', 'active', 'cleared', 'resolved']
const ACKNOWLEDGED: readonly Acknowledged[] = ['any', 'no', 'yes']

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
  stockText = $state('')
  lowOnly = $state(false)
  phase = $state<Phase>('open')
  acknowledged = $state<Acknowledged>('any')
  alertText = $state('')
  follow = $state(false)
  help = $state(false)
  snap = $state<Snap>('half')
  shortcuts = $state(recall('frostway.shortcuts') !== 'off')
  theme = $state<Theme>((recall('frostway.theme') as Theme | null) ?? 'auto')
  #systemDark = $state(dark.matches)
  #opened = ''

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
    const text = query.get('q') ?? ''
    ;[this.text, this.stockText, this.alertText] = ['', '', '']
    if (this.page === 'alerts') this.alertText = text
    else if (this.tab === 'stock') this.stockText = text
    else this.text = text
    const wanted = (query.get('status') ?? '').split(',')
    this.statuses = STATUSES.filter((s) => wanted.includes(s))
    this.lowOnly = query.get('low') === '1'
    this.phase = PHASES.find((p) => p === query.get('state')) ?? 'open'
    this.acknowledged = ACKNOWLEDGED.find((a) => a === query.get('ack')) ?? 'any'
    this.#opened = this.#open()
  }

  /** Call in an $effect: keeps the address in step. What opens something is a step of the history, a filter is not. */
  write(): void {
    const address = this.#address()
    const open = this.#open()
    const opens = open !== this.#opened && !this.#opened.startsWith(open)
    const same = address === location.pathname + location.search
    if (opens && !same) history.pushState(null, '', address + location.hash)
    else if (!same) history.replaceState(history.state, '', address + location.hash)
    this.#opened = open
  }

  /** What is open: stepping from one vehicle or alert to the next opens nothing new. */
  #open(): string {
    if (this.page === 'alerts') return this.alert ? 'alerts/alert' : 'alerts'
    const tab = this.tab === 'vehicles' ? 'map' : `map/${this.tab}`
    return this.selected ? `${tab}/vehicle` : this.site && this.tab === 'stock' ? `${tab}/site` : tab
  }

  #address(): string {
    const query = new URLSearchParams()
    if (this.page === 'map') {
      if (this.tab !== 'vehicles') query.set('tab', this.tab)
      if (this.selected) query.set('vehicle', this.selected)
      if (this.site) query.set('site', this.site)
      const text = this.tab === 'stock' ? this.stockText : this.tab === 'vehicles' ? this.text : ''
      if (text) query.set('q', text)
      if (this.tab === 'stock' && this.lowOnly) query.set('low', '1')
      if (this.statuses.length) query.set('status', this.statuses.join(','))
    } else {
      if (this.alert) query.set('alert', this.alert)
      if (this.phase !== 'open') query.set('state', this.phase)
      if (this.acknowledged !== 'any') query.set('ack', this.acknowledged)
      if (this.alertText) query.set('q', this.alertText)
    }
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
