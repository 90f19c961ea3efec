// Which language the console speaks: as somebody has chosen, else as the browser likes best of those there are.
import { keep, recall } from '#shared/kept.ts'

import { speak } from './catalogue.ts'

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

const KEY = 'frostway.language'
const isOne = (text: string | null | undefined): text is Language => LANGUAGES.some((each) => each === text)

/** What was chosen here, of what the browser likes. */
export function wanted(chosen: string | null, liked: readonly string[]): Language {
  return isOne(chosen) ? chosen : (liked.map((each) => each.split('-')[0]).find(isOne) ?? 'en')
}

/** Fetches the words before the first page is shown; English where they cannot be had. */
export async function prepare(): Promise<void> {
  if (wanted(recall(KEY), navigator.languages) !== 'de') return
  const found = await import('./de/index.ts').catch(() => undefined)
  if (!found) return
  speak(found.default)
  document.documentElement.lang = 'de'
}

/** Takes over what the server keeps; whether the pages have to be loaded anew for it. */
export function choose(chosen: string): boolean {
  const before = recall(KEY)
  const [was, is] = [before, isOne(chosen) ? chosen : null].map((each) => wanted(each ?? null, navigator.languages))
  const kept = (isOne(chosen) ? chosen : null) === before || keep(KEY, isOne(chosen) ? chosen : null)
  return kept && was !== is
}
