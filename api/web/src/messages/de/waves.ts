// Waves, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/waves.ts'

const STATES: Readonly<Record<string, string>> = { planned: 'geplant', releasing: 'wird freigegeben', released: 'freigegeben', cancelled: 'storniert' }
const BY: Readonly<Record<string, string>> = { all: 'eine Welle für alle', shipment: 'nach Abfahrt (Sendung)', carrier: 'nach Spediteur', customer: 'nach Kunde', due: 'nach der Stunde, zu der sie fällig sind' }
const PICKING: Readonly<Record<string, string>> = { orders: 'ganze Aufträge je Runde', zones: 'Zone für Zone' }

const waves: Translation<typeof en> = {
  title: 'Wellen',
  wave: 'Welle',
  status: 'Stand',
  progress: 'Kommissioniert',
  orders: 'Aufträge',
  asking: 'Wellen werden gelesen…',
  unread: 'Die Wellen konnten nicht gelesen werden',
  try_again: 'Noch einmal',
  none: 'Noch keine Wellen',
  none_text: 'Eine Welle gibt Aufträgen Ware und teilt sie in Runden eines Wagens, damit weniger gelaufen wird. Legen Sie eine aus den fälligen Aufträgen an.',
  state: (name) => STATES[name] ?? name,
  order_count: (n) => (n === 1 ? '1 Auftrag' : `${n} Aufträge`),
  picked_of: (percent) => `${percent} %`,
  make: 'Neue Welle',
  make_send: 'Wellen anlegen',
  made: (n) => (n === 1 ? '1 Welle angelegt' : `${n} Wellen angelegt`),
  site: 'Versand ab',
  due_by: (zone) => `Fällig bis (${zone}); leer: alle`,
  by: 'Geteilt',
  by_words: (name) => BY[name] ?? name,
  picking: 'Kommissioniert',
  picking_words: (name) => PICKING[name] ?? name,
  cart: 'Was ein Wagen fasst',
  cart_orders: 'Aufträge',
  cart_lines: 'Positionen',
  cart_kg: 'Kilogramm',
  close: 'Schließen',
  release: 'Freigeben',
  releasing: 'Wird freigegeben…',
  divide: 'Runden neu teilen',
  end: 'Welle stornieren',
  end_title: (name) => `${name} stornieren?`,
  end_text: 'Die Aufträge behalten ihre Ware und können in eine andere Welle kommen.',
  open: (n) => `${n} Einheiten haben keine Ware: Nichts Brauchbares ist da, das nicht schon versprochen ist.`,
  rounds: 'Runden',
  round: (n) => `Runde ${n}`,
  walk: (ours, came, percent) => `${ours} zu laufen; in der Reihenfolge des Eingangs wären es ${came} (${percent} % weniger)`,
  left: (n) => (n === 1 ? 'noch 1 Platz' : `noch ${n} Plätze`),
  through: 'kommissioniert',
  has: (who) => `${who} hat sie`,
  take: 'Übernehmen',
  walk_it: 'Kommissionieren',
  give_back: 'Zurückgeben',
  free: 'Freigeben',
}

export default waves
