// The customer's page in each of its languages. The words stand in customer/*.json, where the server reads them too: it
// tells the same to who has no script.
import de from './customer/de.json' with { type: 'json' }
import en from './customer/en.json' with { type: 'json' }
import fi from './customer/fi.json' with { type: 'json' }

export type Word = keyof typeof en
export type Language = 'en' | 'fi' | 'de'
export const LANGUAGES: readonly Language[] = ['en', 'fi', 'de']
const WORDS: Readonly<Record<Language, Readonly<Record<Word, string>>>> = { en, fi, de }

export const languageOf = (text: string | null | undefined): Language => LANGUAGES.find((each) => each === text) ?? 'en'

/** A word or sentence with its values in it. */
export const say = (language: Language, word: Word, values: Readonly<Record<string, string>> = {}): string =>
  WORDS[language][word].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
