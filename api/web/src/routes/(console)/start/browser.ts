// What a browser says of where it is: the units that people there use.
import { wanted } from '#messages/language.ts'
import type { Shown } from '#shared/display.svelte.ts'

const FAHRENHEIT = /-(US|BS|BZ|KY|LR|PW|FM|MH|PR|GU|VI)$/
const MILES = /-(US|GB|LR|PR|GU|VI)$/

/** 'en-US', 'America/New_York' → °F, miles, that zone, English. */
export const asBrowser = (language: string, zone: string): Shown => ({
  temperature: FAHRENHEIT.test(language) ? 'fahrenheit' : 'celsius',
  distance: MILES.test(language) ? 'imperial' : 'metric',
  tz: zone,
  language: wanted(null, [language]),
})
