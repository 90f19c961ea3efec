// Brokers, in German: what happens is published by MQTT for other systems.
import type { Translation } from '../catalogue.ts'
import type en from '../en/brokers.ts'
import { receivers } from './receivers.ts'

const shared = receivers({ receiver: 'Broker', receivers: 'Broker', article: 'einem Broker', one: 'Ereignis', many: 'Ereignisse', last: 'Letztes Ereignis', done: 'angenommen' })

const words: Translation<typeof en> = {
  ...shared,
  title: 'Broker',
  what: 'Was geschieht, wird per MQTT auf Brokern anderer Systeme veröffentlicht: Alarme, Ankünfte, Abfahrten, und was verspätete Messwerte daran berichtigen.',
  none: 'Noch wird nichts veröffentlicht',
  none_text: 'Fügen Sie den Broker eines Systems hinzu, das per MQTT mithört, und probieren Sie ihn mit dem Test aus.',
  name_what: 'a bis z, 0 bis 9, - und _. Sagen Sie, wessen Broker es ist.',
  told: 'Veröffentlicht',
  log: 'Ereignisse',

  url_what: 'mqtts://broker.example.org, mit TLS auf Port 8883; mqtt:// und andere Ports nur in einem eigenen Netz, das FROSTWAY_WEBHOOK_NETWORKS nennt.',
  user: 'Benutzer',
  password: 'Passwort',
  login: 'Anmeldung',
  login_what: 'Lassen Sie beides leer, wenn dort jeder veröffentlichen darf. Es wird versiegelt und nie wieder gezeigt.',
  login_kept: 'Lassen Sie beides leer, um die Anmeldung zu behalten. Bei einer anderen Adresse ist sie neu anzugeben.',
  login_none: 'Ab jetzt ohne Anmeldung veröffentlichen',
  signs_in: 'mit Benutzer und Passwort',
  signs_in_not: 'keine',
  prefix: 'Topics beginnen mit',
  prefix_what: (tenant) => `frostway/${tenant}, wenn Sie es leer lassen.`,
  retained: 'Der letzte Stand bleibt dort',
  retained_what: 'Wer später abonniert, findet jeden offenen Alarm und das letzte Ereignis jedes Fahrzeugs sofort vor (retained).',
  retained_yes: 'ja: offene Alarme, letztes Ereignis jedes Fahrzeugs',
  retained_no: 'nein: nur wer gerade mithört, erfährt es',

  home: 'Home Assistant findet dort Fahrzeuge und Geräte',
  home_what: 'Mit Position, Temperaturen, Feuchte, Batterien, Alarmen und ob jedes zu hören ist; bei Änderungen, höchstens alle 10 Sekunden (MQTT Discovery).',
  home_of: 'Home Assistant',
  discovery: 'Discovery-Topics beginnen mit',
  discovery_what: 'homeassistant, sofern es dort nicht geändert wurde.',
  home_off: 'aus',
  home_neither: 'Auch Home Assistant wird aus demselben Grund nicht informiert.',
  home_begins: 'wird gerade informiert …',
  home_on: (n, ago) => `${n === 1 ? '1 Fahrzeug oder Gerät' : `${n} Fahrzeuge und Geräte`}, geprüft ${ago}`,
  home_ending: (n) => `${n === 1 ? 'Eines, das noch dort steht, wird' : `${n}, die noch dort stehen, werden`} entfernt.`,

  test_good: 'Der Broker hat es angenommen.',
  test_bad: 'Der Broker hat es nicht angenommen.',
  again_text: (n) => `${shared.count(n)}, in ihrer Reihenfolge, jedes mit seiner bisherigen id: wer es schon hat, erkennt es wieder.`,
  remove_text: (n) => `${shared.remove_text(n)} Was dort als „retained“ liegt, bleibt, bis es jemand löscht.`,

  remove_home: 'Home Assistant behält, was es gefunden hat: schalten Sie es hier erst ab, dann wird es dort entfernt.',

  listen: 'So hört ein anderes System mit',
  listen_text: 'Probieren Sie es mit dem Programm von Mosquitto, dann senden Sie einen Test: er erscheint sofort.',
  listen_login: 'USER und PASSWORD gehören dem, der mithört, nicht dem, der veröffentlicht.',
  listen_topic: 'Topic',
  listen_events: 'jedes Ereignis, als CloudEvents in JSON, QoS 1',
  listen_alerts: 'ein offener Alarm; leer, wenn er vorbei ist',
  listen_vehicles: 'das letzte Ereignis eines Fahrzeugs',
  listen_now: 'jedes Fahrzeug und Gerät, wie es jetzt ist, für Home Assistant und andere',
  listen_rest: 'Broker per REST',

  why_mqtts: 'Im Internet geht nur mqtts: bei mqtt könnte jeder unterwegs mitlesen.',
  why_port: (port) => `Port ${port} ist für Broker im Internet gesperrt: 8883 ist offen.`,
  why_sealed: 'Die Anmeldung wurde mit einem anderen Geheimnis versiegelt: geben Sie sie noch einmal ein.',
  why_login: 'Benutzer oder Passwort werden nicht angenommen.',
  why_topic: 'Der Benutzer kommt hinein, darf dort aber nicht veröffentlichen: seine Regeln müssen alle Topics unter dem Präfix erlauben.',
  why_keep: 'Für spätere Abonnenten wird nichts behalten: schalten Sie „Der letzte Stand bleibt dort“ ab, oder erlauben Sie dem Broker „retained“.',
  why_large: 'Das Ereignis ist größer, als er annimmt.',
  why_busy: 'Er ist ausgelastet oder voll; es wird später wieder versucht.',
  why_other: 'Was dort hört, spricht kein MQTT. Stimmen Adresse und Port?',
}
export default words
