import assert from 'node:assert/strict'
import test from 'node:test'

import { byUrgency, grouped } from '#shared/alerts/words.ts'
import type { Alert } from '#shared/api/shapes.ts'

const alert = (id: string, more: Partial<Alert>): Alert =>
  ({ id, severity: 'critical', state: 'active', acknowledged_at: null, resolved_at: null, opened_at: '2026-11-28T10:00:00Z', ...more }) as Alert

test('a truck that is too warm stands above devices that say nothing, whatever was clicked', () => {
  const when = '2026-11-28T11:00:00Z'
  const sorted = [
    alert('silent test device', { severity: 'warning' }),
    alert('warm, acknowledged', { acknowledged_at: when }),
    alert('resolved', { resolved_at: when }),
    alert('was warm, seen by nobody', { state: 'cleared' }),
    alert('warm, to be signed', { acknowledged_at: when, disposition_state: 'proposed' }),
    alert('done with, to be looked at again', { acknowledged_at: when, resolved_at: when, state: 'cleared', disposition_state: 'superseded' }),
    alert('warm', {}),
    alert('warm since later', { opened_at: when }),
  ].sort(byUrgency)
  assert.deepEqual(
    sorted.map((a) => a.id),
    ['warm', 'warm since later', 'was warm, seen by nobody', 'warm, to be signed', 'done with, to be looked at again', 'warm, acknowledged', 'silent test device', 'resolved'],
  )
})

test('twenty probes that a device makes up are one entry, front and rear are two, and none is left out', () => {
  const warm = (device: string, n: number): Alert => alert(`${device}-${n}`, { device, kind: 'temperature', title: `Too warm: ${n}.0 °C` })
  const invented = Array.from({ length: 20 }, (_, n) => warm('th-1', n))
  const entries = grouped([warm('reefer-1', 1), ...invented, warm('reefer-1', 2), { ...warm('th-1', 99), state: 'cleared' }])
  assert.deepEqual(
    entries.map((e) => [e.alerts[0]!.device, e.alerts.length]),
    [['reefer-1', 1], ['th-1', 20], ['reefer-1', 1], ['th-1', 1]],
  )
  assert.equal(new Set(entries.map((e) => e.key)).size, entries.length)
})
