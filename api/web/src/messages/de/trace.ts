// Where goods came from and what became of them, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/trace.ts'

const grouped = (n: number): string => n.toLocaleString('de-DE')

const trace: Translation<typeof en> = {
  title: 'Weg',
  lead: 'Woher eine Charge oder Einheit kam, was daraus wurde, worin sie reiste, und jeder Schritt auf ihrem Weg, wie Ereignisse ihn meldeten.',
  of: 'Charge oder Einheit',
  show: 'Weg zeigen',
  none: 'Noch nichts verfolgt',
  none_text: 'Geben Sie oben eine Charge oder Einheit ein, oder öffnen Sie eine auf der Seite der Waren.',
  unknown: (code: string) => `Es gibt keine Charge und keine Einheit ${code}`,
  asking: 'Wird verfolgt…',
  came_from: (n: number) => (n === 1 ? 'Gemacht aus' : `Gemacht aus, ${n} Schritte zurück`),
  itself: 'Sie selbst, und worin sie reiste',
  became: (n: number) => (n === 1 ? 'Daraus gemacht' : `Daraus gemacht, ${n} Schritte weiter`),
  kind: (kind: string) => ({ lot: 'Charge', unit: 'Einheit', item: 'Stück', other: '' })[kind] ?? kind,
  alone: 'Kein Ereignis meldet, woraus sie gemacht wurde oder was daraus wurde.',
  part: 'Das ist nicht alles: es gibt mehr Ereignisse, als gelesen werden.',
  picture: (code: string) => `Woraus ${code} gemacht wurde, links, und was daraus wurde, rechts`,
  events: (shown: number, all: number) => (shown === all ? `Was geschah (${grouped(all)})` : `Was geschah, die neuesten ${grouped(shown)} von ${grouped(all)}`),
  at: 'Wann',
  step: 'Schritt',
  place: 'Wo',
  things: 'Was',
  parties: 'Von, an, Papiere',
  recall: 'Wer sie hat, und Rückruf',
  fsma: 'Nachweise für FSMA 204',
  fsma_text: 'Eine Arbeitsmappe mit jedem Eingang, Versand und jeder Umwandlung von Chargen; was niemand gemeldet hat, ist auf dem ersten Blatt gezählt.',
  fsma_lot: (code: string) => `Der Charge ${code}`,
  fsma_all: 'Aller Chargen, 30 Tage',
}

export default trace
