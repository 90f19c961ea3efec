import assert from 'node:assert/strict'
import test from 'node:test'

import { byUrgency } from '../src/lib/alerts.ts'
import type { Alert } from '../src/lib/types.ts'

const alert = (id: string, more: Partial<Alert>): Alert =>
  ({ id, severity: 'critical', state: 'active', acknowledged_at: null, resolved_at: null, opened_at: '2026-11-28T10:00:00Z', ...more }) as Alert

test('a truck that is too warm stands above devices that say nothing, whatever was clicked', () => {
  const when = '2026-11-28T11:00:00Z'
  const sorted = [
    alert('silent test device', { severity: 'warning' }),
    alert('warm, acknowledged', { acknowledged_at: when }),
    alert('resolved', { resolved_at: when }),
    alert('was warm, seen by nobody', { state: 'cleared' }),
    alert('warm', {}),
    alert('warm since later', { opened_at: when }),
  ].sort(byUrgency)
  assert.deepEqual(
    sorted.map((a) => a.id),
    ['warm since later', 'warm', 'warm, acknowledged', 'was warm, seen by nobody', 'silent test device', 'resolved'],
  )
})
