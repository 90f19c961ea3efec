// Counts and names that the frame and more than one page show.
import { world } from './world.svelte.ts'

class AlertCounts {
  active = $derived([...world.alerts.values()].filter((a) => a.state === 'active').length)
}

export const alertCounts = new AlertCounts()

/** The name to show for what an alert is about. */
export function subjectLabel(kind: string, id: string): string {
  if (kind === 'vehicle') return world.vehicles.get(id)?.label ?? id
  if (kind === 'site') return world.sites.get(id)?.label ?? id
  return id
}
