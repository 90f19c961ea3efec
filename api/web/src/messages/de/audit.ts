// The audit trail, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/audit.ts'

const words: Translation<typeof en> = {
  title: 'Änderungsprotokoll',
  what: 'Wer was getan hat, das Neueste zuerst. Einträge werden nie geändert: Jeder hält den vorigen in einer Kette fest, was „frostway audit verify“ beweist.',
  find_subject: 'Woran: eine Sendung, ein Gerät, ein Alarm …',
  find_actor: 'Von wem',
  table: 'Änderungsprotokoll, Tabelle',
  when: 'Wann',
  who: 'Wer',
  did: 'Was',
  to: 'Woran',
  given: 'Angegeben',
  place: (n: number): string => `Eintrag ${n} der Kette`,
  waits: 'wird verkettet',
  none: 'Noch wurde nichts getan',
  none_text: 'Was von jetzt an geändert wird, steht hier.',
  none_found: 'Kein Eintrag passt',
  none_found_text: 'Geben Sie den ganzen Namen der Sache und den ganzen Namen der Person ein.',
  more: 'Mehr zeigen',
  asking: 'Wird gefragt …',
  unread: 'Das Änderungsprotokoll konnte nicht gelesen werden',
  try_again: 'Noch einmal versuchen',
}

export default words
