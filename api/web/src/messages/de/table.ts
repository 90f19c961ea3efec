// What may be wrong with a file as a whole, in German.
import type { Translation } from '../catalogue.ts'
import type en from '../en/table.ts'

const words: Translation<typeof en> = {
  note_encoding: 'Die Datei ist kein UTF-8. Sie wurde als Windows-1252 gelesen: prüfen Sie die Buchstaben der Namen, bevor Sie fortfahren.',
  file_large: (mb) => `Die Datei hat mehr als ${mb} MB: lesen Sie sie als CSV unter Einstellungen, Dateien ein`,
  file_zip: 'Das ist eine gepackte Datei (KMZ, XLSX oder ZIP): entpacken Sie sie oder speichern Sie sie als KML oder CSV; Excel wird unter Einstellungen, Dateien gelesen',
  file_empty: 'Die Datei ist leer',
  file_binary: 'Das ist kein Text: speichern Sie die Datei als GeoJSON, KML, WKT oder CSV',
}
export default words
