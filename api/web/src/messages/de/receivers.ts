// Who is told (webhooks, channels, brokers), in German: the words that their pages share.
import type { Translation } from '../catalogue.ts'
import type { receivers as english } from '../en/receivers.ts'

const TYPES: Readonly<Record<string, string>> = {
  'alert.opened': 'Alarm ausgelöst',
  'alert.changed': 'Alarm durch verspätete Messwerte geändert',
  'alert.cleared': 'Alarm beendet',
  'alert.reopened': 'Alarm doch nicht beendet',
  'alert.retracted': 'Alarm zurückgenommen: es gab ihn nie',
  'alert.acknowledged': 'Alarm quittiert',
  'alert.resolved': 'Alarm erledigt',
  'alert.assigned': 'Alarm zugewiesen',
  'alert.commented': 'Kommentar zu einem Alarm',
  'alert.acted': 'Etwas dagegen getan',
  'alert.disposed': 'Entscheidung über Ware vorgeschlagen',
  'alert.countersigned': 'Entscheidung über Ware unterschrieben',
  'alert.sent_back': 'Entscheidung über Ware nicht unterschrieben',
  'alert.superseded': 'Unterschriebene Entscheidung neu anzusehen',
  'alert.resumed': 'Alarm wieder aufgenommen',
  'alert.muted': 'Alarm eine Zeit lang stumm',
  'alert.unmuted': 'Alarm nicht mehr stumm',
  'shipment.arrived': 'Ankunft an einem Stopp',
  'shipment.departed': 'Abfahrt von einem Stopp',
  'shipment.called': 'Ankunft und Abfahrt, zugleich erfahren',
  'shipment.call_revised': 'Zeiten durch verspätete Messwerte berichtigt',
  'shipment.call_retracted': 'Stopp zurückgenommen: das Fahrzeug war nicht dort',
  'order.accepted': 'Auftrag angenommen',
  'order.allocated': 'Ware zugesagt',
  'order.deallocated': 'Ware nicht mehr zugesagt',
  'order.picked': 'Ware entnommen',
  'order.put_back': 'Ware zurückgelegt',
  'order.packed': 'Ware gepackt',
  'order.unpacked': 'Ware ausgepackt',
  'order.loaded': 'Ware verladen',
  'order.unloaded': 'Ware ausgeladen',
  'order.delivered': 'Ware übergeben',
  'order.refused': 'Ware abgelehnt',
  'order.brought_back': 'Abgelehnte Ware ist zurück',
  'order.returned': 'Ware zurückgesandt',
  'order.short': 'Rest einer Zeile nicht geliefert',
  'order.reopened': 'Rest einer Zeile wird doch geliefert',
  'order.cancelled': 'Zeile storniert',
  'order.withdrawn': 'Schritt eines Auftrags zurückgenommen',
  'delivery.completed': 'Übergeben, mit Nachweis',
  'delivery.exception': 'Übergabe mit Abweichung',
  'delivery.amended': 'Nachweis berichtigt',
  milestone: 'Meilenstein',
  test: 'Test',
}
const GROUPS: Readonly<Record<string, string>> = { alert: 'Alarme', shipment: 'Sendungen', order: 'Aufträge', delivery: 'Übergaben' }
const groupOf = (group: string): string => GROUPS[group] ?? group

interface Nouns {
  /** 'Webhook', 'Webhooks' */
  receiver: string
  receivers: string
  /** 'einen Webhook', 'keinen Webhook' */
  article: string
  /** 'Ereignis', 'Ereignisse', 'das letzte Ereignis' */
  one: string
  many: string
  last: string
  /** 'zugestellt' */
  done: string
}

/** The words, with what is told and who is told put in. */
export function receivers({ receiver, receivers, article, one, many, last, done }: Nouns): Translation<ReturnType<typeof english>> {
  const count = (n: number): string => (n === 1 ? `1 ${one}` : n >= 1000 ? `1000 ${many} oder mehr` : `${n} ${many}`)
  const said = done.charAt(0).toUpperCase() + done.slice(1)
  const filters: Readonly<Record<string, string>> = { '': 'Alle', waiting: 'Wartend', done: said, 'gave up': 'Aufgegeben' }
  return {
    add: `${receiver} hinzufügen`,
    none: 'Noch wird niemand informiert',
    unread: `Die ${receivers} ließen sich nicht laden`,
    try_again: 'Erneut versuchen',
    asking: 'Wird geladen …',
    gone: (name) => `${receiver} ${name} gibt es nicht mehr`,
    back: `Alle ${receivers}`,
    table: `${receivers}, Tabelle`,
    count,

    name: 'Name',
    name_what: 'a bis z, 0 bis 9, - und _. Sagen Sie, welches System es ist.',
    url: 'Adresse',
    told: 'Erfährt von',
    everything: 'Allem, auch was später dazukommt',
    all_of: (group) => `Alles über ${groupOf(group)}`,
    group: groupOf,
    type: (type) => TYPES[type] ?? type,
    told_everything: 'alles',
    told_all_of: (group) => `alles über ${groupOf(group)}`,
    told_some: (n, all, group) => `${n} von ${all} über ${groupOf(group)}`,
    told_none: 'Wählen Sie mindestens eines.',
    leave_it: 'Abbrechen',
    change: 'Ändern',
    change_of: (name) => `${name} ändern`,
    save: 'Speichern',
    saved: 'Gespeichert.',

    state: 'Zustand',
    last,
    state_new: 'noch nichts gesendet',
    state_telling: 'läuft',
    state_waiting: (since) => `wartet seit ${since}`,
    state_given_up: (n) => `${count(n)} aufgegeben`,
    state_paused: 'angehalten',
    state_off: 'von selbst abgeschaltet',
    waits: (n) => `${count(n)} ${n === 1 ? 'wartet' : 'warten'}`,
    asked_again: (at) => `nächster Versuch um ${at}`,
    paused_by: (why) => why.replace(/^switched off by/, 'von'),
    arrived: (ago) => `${done} ${ago}`,
    failed: (ago) => `fehlgeschlagen ${ago}`,
    never: 'noch keine',

    test: 'Test senden',
    test_title: 'Test',
    test_sending: 'Wird gesendet …',
    test_answer: 'Was zurückkam',
    test_no_answer: 'Außer dem Status kam nichts zurück.',
    test_good: 'Angekommen.',
    test_bad: 'Nicht angekommen.',
    test_behind: (n) => `${n === 1 ? `1 ${one} steht` : `${n} ${many} stehen`} davor in der Reihe, und das erste davon kam nicht an:`,
    test_slow: 'Noch hat es niemand gesendet. Läuft der Dienst „operations“? Das Protokoll unten zeigt es, sobald es so weit ist.',
    test_off: 'Solange angehalten ist, wird nichts gesendet: erst fortsetzen.',
    took: (ms) => (ms < 1000 ? `nach ${ms} ms` : `nach ${(ms / 1000).toFixed(1).replace('.', ',')} s`),

    pause: 'Anhalten',
    pause_question: (name) => `${name} anhalten?`,
    pause_text: 'Was inzwischen geschieht, wird nicht nachgeholt. Was schon wartet, bleibt und wird nach dem Fortsetzen gesendet.',
    paused: (name) => `${name} ist angehalten.`,
    resume: 'Fortsetzen',
    resumed: (name) => `${name} läuft wieder.`,
    remove: 'Entfernen',
    remove_question: (name) => `${name} endgültig entfernen?`,
    remove_text: (n) => `Es wird nichts mehr gesendet. Das Protokoll geht verloren${n ? `, ebenso was wartet (${count(n)})` : ''}. Das lässt sich nicht rückgängig machen.`,
    removed: (name) => `${name} ist entfernt.`,

    log: many,
    log_what: 'Der letzten 30 Tage, die neuesten zuerst.',
    filter: 'Zeigen',
    filter_of: (state) => filters[state] ?? state,
    log_none: 'Noch wurde nichts gesendet',
    log_none_text: 'Senden Sie einen Test, oder warten Sie auf den nächsten Alarm.',
    log_none_fits: 'Nichts davon',
    show_all: 'Alle zeigen',
    more: 'Mehr zeigen',
    waiting: 'wartet',
    done,
    gave_up: 'aufgegeben',
    again_at: (at) => `erneut um ${at}`,
    attempts: (n) => (n === 1 ? '1 Versuch' : `${n} Versuche`),
    attempt_none: 'Noch nicht versucht.',
    sent: 'Was gesendet wird',
    about: 'Betrifft',
    again: 'Erneut senden',
    again_of: (id) => `Erneut senden: ${id}`,
    again_all: (n) => `Alle ${n >= 1000 ? '' : `${n} `}aufgegebenen erneut senden`,
    again_question: 'Alles Aufgegebene erneut senden?',
    again_text: (n) => `${count(n)}, in ihrer Reihenfolge.`,
    sent_again: (n) => `${count(n)} erneut gesendet.`,

    short_nowhere: (host) => `keine Adresse im Internet: ${host}`,
    why_nowhere: (host) =>
      `„${host}“ führt zu keiner Adresse im Internet, also wird dorthin nichts gesendet: sonst käme jeder mit ${article} in das Netz, in dem Frostway läuft. Ist der Name richtig geschrieben? Liegt das Ziel mit Absicht im eigenen Netz, nennt der Betreiber von Frostway es in FROSTWAY_WEBHOOK_NETWORKS.`,
    why_tls: (reason) => `Dem Zertifikat ist nicht zu trauen (${reason}). Das einer eigenen Zertifizierungsstelle wird in FROSTWAY_WEBHOOK_CA_FILE genannt.`,
    why_slow: (seconds) => `Keine Antwort innerhalb von ${seconds} Sekunden.`,
    why_refused: 'An dieser Adresse und diesem Port hört niemand.',
    why_surplus: `Es warteten zu viele ${many}.`,
  }
}
