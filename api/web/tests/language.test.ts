import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'

import { catalogue, speak } from '#messages/catalogue.ts'
import de from '#messages/de/index.ts'
import { wanted } from '#messages/language.ts'

type Part = Readonly<Record<string, unknown>>
const folder = new URL('../src/messages/en/', import.meta.url)
const parts = readdirSync(folder).map((name) => name.replace('.ts', '')).filter((name) => name !== 'receivers')

test('the language is what was chosen, else what the browser likes best of those there are', () => {
  assert.equal(wanted('de', ['en-US']), 'de')
  assert.equal(wanted('en', ['de-DE']), 'en')
  assert.equal(wanted(null, ['fr-FR', 'de-AT', 'en']), 'de')
  assert.equal(wanted(null, ['fr-FR']), 'en')
  assert.equal(wanted('xx', []), 'en')
})

test('German says all that English says, with as many values in it', async () => {
  assert.deepEqual(Object.keys(de).sort(), parts.sort())
  for (const name of parts) {
    const { default: en } = (await import(new URL(`${name}.ts`, folder).href)) as { default: Part }
    const told: Part = de[name as keyof typeof de]
    assert.deepEqual(Object.keys(told).sort(), Object.keys(en).sort(), name)
    for (const [word, text] of Object.entries(en)) {
      assert.equal(typeof told[word], typeof text, `${name}.${word}`)
      if (typeof text === 'function') assert.ok((told[word] as { length: number }).length <= text.length, `${name}.${word}`)
      else assert.equal(Boolean(told[word]), Boolean(text), `${name}.${word}`)
    }
  }
})

test('once it is spoken, words, numbers and days are German', async () => {
  speak(de)
  assert.equal(catalogue('alerts', {} as typeof de.alerts).title, 'Alarme')
  const { age, clockTime, limits, temp, typedTemp } = await import('#shared/format.ts')
  const { expectedWords, titleWords } = await import('#shared/alerts/words.ts')
  const now = Date.parse('2026-11-22T12:00:00Z')
  const plain = (text: string | null): string | undefined => text?.replaceAll('\u00a0', ' ')
  assert.deepEqual([temp(4.7), temp(-18), limits(2, 8), limits(null, -18)].map(plain), ['4,7 °C', '−18,0 °C', '2 bis 8 °C', 'höchstens −18 °C'])
  assert.equal(typedTemp(4.5), '4,5')
  assert.equal(age('2026-11-22T11:57:00Z', now), 'vor 3 min')
  assert.match(clockTime('2026-11-23T12:05:00Z', now, 'Europe/Berlin'), /^Mo\.?, 23\. Nov\.? 13:05$/)
  const alert = { kind: 'temperature', title: 'Too warm: 9.4 °C', limit_c: 8, extreme_c: 9.4, device: 'reefer-1' } as Parameters<typeof titleWords>[0]
  assert.equal(plain(titleWords(alert)), 'Zu warm: 9,4 °C')
  assert.equal(titleWords({ ...alert, kind: 'silence', extreme_c: null }), 'Nichts gehört von reefer-1')
  const mkt = { ...alert, kind: 'exposure', limit_c: 8, title: 'Goods of S-1: mean kinetic temperature above 8 °C' }
  assert.match(titleWords(mkt), /^Ware von S-1: mittlere kinetische Temperatur über 8/)
  assert.equal(titleWords({ ...mkt, title: 'Goods of S-1: too long in warm' }), 'Ware von S-1: zu lange in warm')
  assert.equal(titleWords({ ...alert, kind: 'sensor_fault', extreme_c: null, probe: 'rear' }), 'Fühler gestört: rear')
  assert.equal(plain(titleWords({ ...alert, title: 'Too cold: 8.0 °C', extreme_c: 8 })), 'Zu kalt: 8,0 °C') // the limit itself
  assert.equal(titleWords({ ...alert, kind: 'late_risk', extreme_c: null, title: 'S-1 may miss its window at Store' }), 'S-1 verfehlt vielleicht das Zeitfenster bei Store')
  assert.equal(titleWords({ ...alert, kind: 'breach_risk', extreme_c: null, title: 'Will be too warm: the cooling fails' }), 'Wird zu warm: die Kühlung fällt aus')
  assert.equal(titleWords({ ...alert, kind: 'other', extreme_c: null, title: 'Something new' }), 'Something new')
  const stock: NonNullable<typeof alert.stock> = {
    sku: 'M', label: 'Milch', base_unit: 'kg', quantity: 2.5, reorder_point: 8, basis: 'ledger', confidence: null, doubt: null, count_task: null,
    out: { p10: '2026-11-22T18:00:00Z', p50: '2026-11-22T21:00:00Z', p90: null }, expiring: [],
  }
  const low = { ...alert, kind: 'low_stock', device: null, extreme_c: null, limit_c: null, state: 'active' as const, stock }
  assert.equal(plain(titleWords(low)), 'Bestand niedrig: Milch, noch 2,5 kg')
  assert.equal(titleWords({ ...low, kind: 'stock_out' }), 'Bald nicht mehr da: Milch')
  assert.equal(titleWords({ ...low, kind: 'stock_out', stock: { ...stock, quantity: 0 } }), 'Nicht mehr da: Milch')
  assert.match(plain(expectedWords({ ...low, kind: 'stock_out' }, now)) ?? '', /^reicht noch etwa 9 h.*nicht vor/)
  assert.equal(expectedWords(low, now), '')
  const lots = [{ lot: 'A', quantity: 3, best_before: null }, { lot: 'B', quantity: 1, best_before: null }]
  assert.equal(plain(titleWords({ ...low, kind: 'expiry', stock: { ...stock, base_unit: 'piece', expiring: lots } })), 'Verfällt ungenutzt: Milch, 4 der Charge A und 1 weitere')
})
