// What the buttons of a map say.
import { m } from '#messages/shared.ts'

export const mapWords = (title: string): Record<string, string> => ({
  'Map.Title': title,
  'NavigationControl.ZoomIn': m.map_zoom_in,
  'NavigationControl.ZoomOut': m.map_zoom_out,
  'AttributionControl.ToggleAttribution': m.map_sources,
})
