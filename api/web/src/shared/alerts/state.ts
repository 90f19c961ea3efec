// What an alert's case asks for.
import type { Alert } from '#shared/api/shapes.ts'

/** What was decided on its goods asks for somebody: a second signature, or to be looked at again. */
export const waits = ({ disposition_state }: Pick<Alert, 'disposition_state'>): boolean =>
  disposition_state === 'proposed' || disposition_state === 'superseded'

/** It is done with, and nothing of it asks for anybody. */
export const isDone = (alert: Alert): boolean => !!alert.resolved_at && !waits(alert)
