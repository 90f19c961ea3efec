// The first steps, in German: from an empty installation to one's own things on the map.
import type { Translation } from '../catalogue.ts'
import type en from '../en/start.ts'

const STEPS: Readonly<Record<string, { title: string; text: string; link: string }>> = {
  device: { title: 'Telefon oder Tracker hinzufügen', text: 'Ein Telefon mit OwnTracks oder Traccar Client genügt; die Seite zeigt, was einzutippen ist, und einen Code zum Scannen.', link: 'Gerät hinzufügen' },
  position: { title: 'Auf der Karte sehen', text: 'Seine erste Position bringt es dorthin, Sekunden nachdem sie gesendet wurde.', link: 'Karte öffnen' },
  site: { title: 'Einen Ort darum zeichnen', text: 'Ein Depot, eine Filiale, ein Kunde: ab dann werden Ankünfte und Abfahrten gemeldet.', link: 'Ort zeichnen' },
  link: { title: 'Eine Sendung teilen', text: 'Planen Sie eine mit ihren Stopps, und senden Sie ihrem Kunden einen Link, der keine Anmeldung braucht.', link: 'Sendung planen' },
  webhook: { title: 'Von Alarmen erfahren', text: 'Ein Webhook meldet einem anderen System, was schiefgeht; probieren Sie ihn mit dem Test aus.', link: 'Webhook anlegen' },
}

const words: Translation<typeof en> = {
  title: 'Erste Schritte',
  of: (done, all) => `${done} von ${all} erledigt`,
  all_done: 'Alles erledigt',
  all_done_text: 'Ihre eigenen Dinge sind auf der Karte. Diese Seite bleibt in der Suche (Strg K).',
  unread: 'Die Schritte ließen sich nicht laden',
  try_again: 'Erneut versuchen',
  step_title: (name) => STEPS[name]?.title ?? name,
  step_text: (name) => STEPS[name]?.text ?? '',
  step_link: (name) => STEPS[name]?.link ?? '',
  done: 'Erledigt',
  open: 'Zu tun',
  by: (what) => `mit ${what}`,
  go: (done, all) => `Erste Schritte: ${done} von ${all} erledigt`,
  hide: 'Die ersten Schritte hier ausblenden',

  demo: 'Simulierte Flotte',
  demo_on: 'Acht simulierte Fahrzeuge fahren um Helsinki, damit es etwas zu sehen gibt. Für die Schritte zählen sie nicht.',
  demo_off: 'Acht Fahrzeuge, die um Helsinki fahren, um etwas zu sehen zu haben, bevor Ihre eigenen fahren.',
  demo_adding: 'Sie wird hinzugefügt. Das dauert einige Sekunden.',
  demo_removing: 'Sie wird entfernt. Das dauert einige Sekunden.',
  demo_impossible: 'Sie lässt sich hinzufügen, wo `frostway up` läuft.',
  demo_add: 'Simulierte Flotte hinzufügen',
  demo_remove: 'Simulierte Flotte entfernen',
  demo_question: 'Die simulierte Flotte entfernen?',
  demo_question_text: 'Ihre Fahrzeuge, Orte und Waren verlassen die Listen, ihre Touren werden abgesagt und ihre Alarme erledigt. Was Ihnen gehört, bleibt. Sie können sie hier wieder hinzufügen.',
  demo_added: 'Die simulierte Flotte ist da',
  demo_removed: 'Die simulierte Flotte ist weg',
}
export default words
