// What a browser is called, out of the long text by which it names itself. A help for people: nothing rests on it.
import { m } from '#messages/settings.ts'

/** The first that fits: many name others too, for sites that look for those. */
const BROWSERS: readonly [RegExp, string][] = [
  [/\b(Edg|EdgA|EdgiOS)\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(HeadlessChrome|Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

/** 'Firefox on Windows'; of what is no browser its first word. */
export function browserWords(agent: string | null | undefined): string {
  if (!agent) return m.no_agent
  const named = (list: readonly [RegExp, string][]): string | undefined => list.find(([sign]) => sign.test(agent))?.[1]
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)]
  if (browser && system) return m.on(browser, system)
  return browser ?? system ?? agent.split(/[\s(]/)[0]?.replace('/', ' ') ?? agent
}
