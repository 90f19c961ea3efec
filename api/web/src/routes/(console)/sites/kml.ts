// KML by togeojson; loaded when somebody brings a file of it.
import { kml } from '@tmcw/togeojson'

import { m } from '#messages/sites.ts'

/** The features of a file of KML. */
export function features(text: string): unknown[] {
  const parsed = new DOMParser().parseFromString(text, 'text/xml')
  if (parsed.querySelector('parsererror')) throw new Error(m.file_xml)
  if (!parsed.getElementsByTagName('Placemark').length) throw new Error(m.file_no_placemark)
  return kml(parsed).features
}
