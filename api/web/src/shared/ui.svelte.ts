// What the viewer chose for this device, whatever page is open: colours, keys, help.
import { keep, recall } from './kept.ts'

export type Theme = 'auto' | 'light' | 'dark'

const dark = matchMedia('(prefers-color-scheme: dark)')

class Ui {
  help = $state(false)
  palette = $state(false)
  menu = $state(false)
  shortcuts = $state(recall('frostway.shortcuts') !== 'off')
  theme = $state<Theme>((recall('frostway.theme') as Theme | null) ?? 'auto')
  #systemDark = $state(dark.matches)

  constructor() {
    dark.addEventListener('change', () => (this.#systemDark = dark.matches))
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
}

export const ui = new Ui()

/** True where a single letter is text and not a command. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return !!target?.closest('input, textarea, select, [contenteditable], [role=dialog], [role=menu]') || event.ctrlKey || event.metaKey || event.altKey
}
