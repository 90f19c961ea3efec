// What staff do with an alert, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/cases.ts'

const TO: Readonly<Record<string, string>> = { release: 'freizugeben', quarantine: 'zu sperren', reject: 'zu verwerfen' }
const IS: Readonly<Record<string, string>> = { release: 'Freigegeben', quarantine: 'Gesperrt', reject: 'Verworfen' }
const ACTIONS: Readonly<Record<string, string>> = {
  moved_goods: 'Ware umgelagert',
  closed_doors: 'Türen geschlossen',
  restarted_unit: 'Kühlgerät neu gestartet',
  changed_setpoint: 'Sollwert geändert',
  called_driver: 'Fahrer angerufen',
  inspected_goods: 'Ware geprüft',
  replaced_sensor: 'Fühler getauscht',
  other: 'Etwas anderes',
}

const words: Translation<typeof en> = {
  case: 'Fall',
  bar: 'Was zu tun ist',
  assigned_to: (name) => `Zugewiesen an ${name}`,
  assigned_to_me: 'Ihnen zugewiesen',
  unassigned: 'Niemandem zugewiesen',
  assign: 'Zuweisen…',
  assign_title: 'Wer kümmert sich darum?',
  assign_me: 'Ich',
  assign_nobody: 'Niemand',
  nobody_found: 'Hier heißt niemand so.',
  find_person: 'Person suchen',
  said_assigned: (name) => (name ? `${name} zugewiesen.` : 'Niemandem zugewiesen.'),
  undo: 'Rückgängig',

  decide: 'Entscheiden…',
  decide_title: 'Was wird aus der Ware?',
  decide_text: 'Sie schlagen es vor. Es gilt, wenn eine andere Person unterschreibt.',
  reason: 'Warum',
  reason_wanted: 'Sagen Sie, warum.',
  facts: (extreme, limit, lasted) => `schlimmstenfalls ${extreme}, Grenze ${limit}, ${lasted}`,
  decision: (name) => ({ release: 'Freigeben', quarantine: 'Sperren', reject: 'Verwerfen' })[name],
  decision_about: (name) =>
    ({ release: 'die Ware darf verwendet werden', quarantine: 'beiseite, bis es geklärt ist', reject: 'die Ware wird nicht verwendet' })[name],
  proposed: (who, what) => `${who} schlägt vor, sie ${TO[what] ?? what}; eine andere Person muss unterschreiben.`,
  proposed_by_me: (what) => `Sie schlagen vor, sie ${TO[what] ?? what}; eine andere Person muss unterschreiben.`,
  stands: (what, who, signer) => `${IS[what] ?? what}: vorgeschlagen von ${who}, unterschrieben von ${signer}.`,
  superseded: (what) => `Neu anzusehen. Was unterschrieben ist (${TO[what] ?? what}), wurde vor späteren Messwerten entschieden.`,
  sign: 'Unterschreiben…',
  sign_title: 'Die Entscheidung unterschreiben?',
  sign_text: (who, what) => `${who} schlägt vor, die Ware ${TO[what] ?? what}.`,
  sign_yes: 'Unterschreiben',
  sign_no: 'Nicht unterschreiben',
  sign_note: 'Ein Wort dazu (nötig, wenn Sie nicht unterschreiben)',
  change: 'Etwas anderes vorschlagen…',
  reopen: 'Wieder öffnen…',
  take_back: 'Zurücknehmen…',
  reopen_title: 'Den Fall wieder öffnen?',
  reopen_text: 'Was über die Ware entschieden wurde, wird zurückgenommen. Im Verlauf bleibt es stehen.',
  reopen_yes: 'Wieder öffnen',

  say: 'Kommentar oder Maßnahme',
  mute: 'Stumm…',
  unmute: 'Wieder melden',
  mute_title: 'Eine Zeit lang niemandem melden?',
  mute_text: 'Was geschieht, wird trotzdem aufgezeichnet. Dauert es dann noch an, wird es neu gemeldet.',
  mute_for: 'Wie lange',
  mute_yes: 'Stumm schalten',
  muted_until: (at, who) => `Stumm bis ${at} durch ${who}.`,
  line_until: (at) => `bis ${at}`,
  say_what: 'An die anderen; @ nennt eine Person',
  say_kind: 'Was es ist',
  comment: 'Kommentar',
  action: (name) => ACTIONS[name] ?? name,
  add: 'Hinzufügen',
  said: 'Hinzugefügt.',
  people: 'Personen, die so heißen',

  line_to: (name) => (name ? `an ${name}` : 'an niemanden'),
  line_decision: (what) => TO[what] ?? what,

  sound: 'Ton bei kritischen',
  sound_touch: 'Berühren Sie die Seite einmal: Vorher lässt der Browser keinen Ton zu.',
  mine: 'Meine',
  to_sign: 'Zu entscheiden',
}
export default words
