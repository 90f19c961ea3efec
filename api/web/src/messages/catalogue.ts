// The words of the console, by language. A page imports its own part ('#messages/alerts.ts'), so that it loads no other's.
// English stands in the chunks; another language is one file, put here before any page is loaded (language.ts).
import type German from './de/index.ts'

type Words = typeof German

/** A part in another language: the English names, and the values that go into each. */
export type Translation<English> = {
  [Word in keyof English]: English[Word] extends (...values: infer Values) => string ? (...values: Values) => string : string
}

let other: Words | undefined

/** From now on in another language: parts that are made before stay as they are. */
export const speak = (words: Words): void => void (other = words)

/**
 * A part in the language of the console. English says which texts a part has and which values go into them; the types hold
 * the other languages to it.
 */
export const catalogue = <Name extends keyof Words>(name: Name, en: Words[Name]): Words[Name] => other?.[name] ?? en
