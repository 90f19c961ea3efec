// What devices are told, on their page, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/commands.ts'

const KINDS: Readonly<Record<string, string>> = {
  ping: 'Ping',
  interval: 'Melden alle …',
  reboot: 'Neu starten',
  getinfo: 'Befinden abfragen',
  getver: 'Version abfragen',
  getstatus: 'Netz abfragen',
  getgps: 'Position abfragen',
  getio: 'Ein- und Ausgänge abfragen',
  setdigout: 'Ausgänge schalten',
  getparam: 'Parameter abfragen',
  setparam: 'Parameter ändern',
  cpureset: 'Neu starten',
  text: 'Ein anderer Befehl',
  report_location: 'Position abfragen',
  status: 'Einstellungen abfragen',
  waypoints: 'Orte abfragen',
  set_waypoints: 'Orte setzen',
  clear_waypoints: 'Alle Orte löschen',
  monitoring: 'Wie oft es meldet',
  message: 'Nachricht anzeigen',
}
const STATES: Readonly<Record<string, string>> = {
  waiting: 'Wartet',
  sent: 'Gesendet',
  answered: 'Erledigt',
  refused: 'Abgelehnt',
  expired: 'Nicht rechtzeitig beantwortet',
  cancelled: 'Zurückgezogen',
  told: 'Übergeben',
  failed: 'Nicht beantwortet',
}
const FAILURES: Readonly<Record<string, string>> = {
  lost: 'Die Verbindung endete vor der Antwort. Vielleicht hat es den Befehl ausgeführt: fragen Sie nach, bevor Sie ihn erneut senden.',
  silent: 'Es war verbunden und hat nichts geantwortet. Vielleicht hat es den Befehl ausgeführt: fragen Sie nach, bevor Sie ihn erneut senden.',
  ended: 'Frostway wurde vor der Antwort beendet. Vielleicht hat es den Befehl ausgeführt: fragen Sie nach, bevor Sie ihn erneut senden.',
}
const VIAS: Readonly<Record<string, string>> = {
  teltonika: 'Über seine eigene Verbindung (Teltonika Codec 12), solange es verbunden ist.',
  owntracks: 'So, wie OwnTracks es hört. Die App muss Fernbefehle erlauben.',
}
const OBSTACLES: Readonly<Record<string, string>> = {
  revoked: 'Es ist gesperrt und hört deshalb nichts. Lassen Sie es wieder zu, um ihm etwas zu sagen.',
  no_login: 'Es hat keine Anmeldung, mit der es Befehle hören könnte. „Neues Passwort“ gibt ihm eine.',
  deaf: 'Es spricht über HTTP ein Format, in dem ihm nichts gesagt werden kann. Telefone hören mit OwnTracks, andere Geräte per MQTT.',
  no_imei: 'Seine IMEI ist nicht bekannt, deshalb ist seine Verbindung nicht zu finden.',
}

const words: Translation<typeof en> = {
  title: 'Befehle',
  send: 'Befehl senden',
  send_to: (device) => `Befehl an ${device} senden`,
  none: 'In den letzten 90 Tagen wurde ihm nichts gesendet.',
  list: 'Befehle, die neuesten zuerst',
  unread: 'Die Befehle ließen sich nicht laden',
  kind: 'Was es tun soll',
  kind_of: (name) => KINDS[name] ?? name,
  own: 'Ein anderer, den der Hersteller nennt',
  command: 'Sein Name (a bis z, 0 bis 9, _)',
  argument: 'Was er braucht, als JSON',
  not_json: 'Was er braucht, ist kein JSON. Ein Beispiel: {"seconds": 30}',
  places_none: 'Wählen Sie mindestens einen Ort.',
  place_remove: (place) => `${place} weglassen`,
  optional: (label) => `${label}, falls gewünscht`,
  expires: 'Verfällt nach',
  expiries: (seconds) => ({ 600: '10 Minuten', 3600: '1 Stunde', 86400: '1 Tag', 604800: '7 Tagen' })[seconds] ?? `${seconds} s`,
  expires_what: 'Ist es gerade nicht da, hört es den Befehl bei seiner Rückkehr, sofern das rechtzeitig ist.',
  harms: (name, device) => `„${name}“ unterbricht ${device}. Trotzdem senden?`,
  yes_send: 'Ja, senden',
  leave_it: 'Abbrechen',
  made: (name) => `${name}: unterwegs`,
  obstacle_of: (obstacle) => OBSTACLES[obstacle] ?? obstacle,
  state_of: (state) => STATES[state] ?? state,
  via_of: (via) => VIAS[via] ?? '',
  failure_of: (failure) => FAILURES[failure] ?? failure,
  waits: (via) => (via === 'teltonika' ? 'bis es verbunden ist' : 'bis das Gerät sich meldet'),
  sent_so_often: (count, age) => (count === 1 ? age : `${count}-mal, zuerst ${age}`),
  until: (time) => `verfällt ${time}`,
  answered: (text) => `„${text}“`,
  by: (who, age) => `${who}, ${age}`,
  cancel: 'Zurückziehen',
  cancel_of: (name) => `${name} zurückziehen`,
  cancel_question: (name) => `„${name}“ zurückziehen?`,
  cancel_text: 'Das Gerät hat davon nichts gehört und wird es nicht.',
  cancelled: (name) => `${name} wurde zurückgezogen`,
}
export default words
