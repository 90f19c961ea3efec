// Units, time zone and language, in German: one's own, and for everybody.
import type { Translation } from '../catalogue.ts'
import type en from '../en/display.ts'

const words: Translation<typeof en> = {
  own: 'So sehen Sie diese Seiten',
  own_what: 'Auf jedem Gerät, an dem Sie sich anmelden. Was gespeichert, mitgenommen oder anderen Systemen gemeldet wird, bleibt in °C, m/s, Metern und UTC.',
  all: 'Für alle',
  all_what: 'Wer nichts anderes gewählt hat, sieht die Seiten so.',
  temperature: 'Temperatur',
  celsius: 'Celsius, °C',
  fahrenheit: 'Fahrenheit, °F',
  distance: 'Tempo und Entfernung',
  metric: 'Kilometer, km/h',
  imperial: 'Meilen, mph',
  zone: 'Zeitzone',
  zone_browser: (zone) => `Dieses Browsers: ${zone}`,
  zone_browsers: 'Des jeweiligen Browsers',
  zone_named: 'Eine andere …',
  zone_name: 'Name der Zone',
  zone_hint: 'Europe/Berlin',
  language: 'Sprache',
  language_browser: 'Dieses Browsers',
  language_browsers: 'Des jeweiligen Browsers',
  language_named: (code) => ({ en: 'English', de: 'Deutsch' })[code] ?? code,
  language_what: 'Was die API an Fehlern sagt, ist Englisch.',
  as_all: (what) => `Wie für alle: ${what}`,
  short_browser: 'die des Browsers',
  save: 'Speichern',
  saved: 'Gespeichert. Sie sehen es so auf jedem Gerät.',
  saved_all: 'Gespeichert für alle, die nichts anderes gewählt haben.',
  example: (temperature, speed, distance, time) => `Jetzt: ${temperature}, ${speed}, ${distance}, ${time}`,

  ask: 'Einheiten, Zeitzone und Sprache',
  ask_what: 'Einmal gefragt, für alle hier; jede Person kann für sich anders wählen. So hat es Ihr Browser.',
  ask_save: 'Für alle übernehmen',
  ask_other: 'Andere …',
}
export default words
