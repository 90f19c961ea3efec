// The words of the pages, by language. A page imports its own part ('#messages/alerts.ts'), so that it loads no other's.

type Part = Readonly<Record<string, string | ((...values: never[]) => string)>>

const wanted: readonly string[] = typeof navigator === 'undefined' ? [] : navigator.languages

/**
 * A part in the language that the viewer likes best of those there are. English says which texts a part has and which
 * values go into them; the types hold the other languages to it.
 */
export function catalogue<English extends Part>(parts: { en: English; [language: string]: English }, languages = wanted): English {
  const found = languages.map((each) => each.split('-')[0] ?? '').find((each) => parts[each])
  return parts[found ?? 'en'] ?? parts.en
}
