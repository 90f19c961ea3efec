// The customer's question whether this browser is to be told: loaded only where one can be.
import type { Language } from './customer.ts'

export interface TellMeWords {
  ask: string
  button: string
  told: string
  stop: string
  denied: string
  away: string
  failed: string
}

export const WORDS: Readonly<Record<Language, TellMeWords>> = {
  en: {
    ask: 'Get a notification here when something happens, also while this page is closed.',
    button: 'Notify me in this browser',
    told: 'This browser is told about this delivery.',
    stop: 'No more notifications',
    denied: 'Notifications of this page are not allowed: allow them in the settings of the browser, then try again.',
    away: 'The push service of the browser does not answer. Try again later.',
    failed: 'That did not work. Try again later.',
  },
  fi: {
    ask: 'Saat tähän ilmoituksen, kun jotain tapahtuu, myös kun sivu on suljettu.',
    button: 'Ilmoita tässä selaimessa',
    told: 'Tämä selain saa ilmoitukset tästä toimituksesta.',
    stop: 'Ei enää ilmoituksia',
    denied: 'Tämän sivun ilmoituksia ei ole sallittu: salli ne selaimen asetuksissa ja yritä uudelleen.',
    away: 'Selaimen ilmoituspalvelu ei vastaa. Yritä myöhemmin uudelleen.',
    failed: 'Se ei onnistunut. Yritä myöhemmin uudelleen.',
  },
  de: {
    ask: 'Hier eine Mitteilung bekommen, wenn etwas geschieht, auch wenn diese Seite geschlossen ist.',
    button: 'In diesem Browser benachrichtigen',
    told: 'Dieser Browser wird über diese Lieferung benachrichtigt.',
    stop: 'Keine Mitteilungen mehr',
    denied: 'Mitteilungen dieser Seite sind nicht erlaubt: erlauben Sie sie in den Einstellungen des Browsers und versuchen Sie es noch einmal.',
    away: 'Der Mitteilungsdienst des Browsers antwortet nicht. Versuchen Sie es später noch einmal.',
    failed: 'Das ging nicht. Versuchen Sie es später noch einmal.',
  },
}
