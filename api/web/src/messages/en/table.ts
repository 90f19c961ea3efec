// What may be wrong with a file as a whole.
export default {
  note_encoding: 'The file is not UTF-8. It was read as Windows-1252: look at the letters of the names before you go on.',
  file_large: (mb: number) => `The file has more than ${mb} MB: bring it as CSV at Settings, Files`,
  file_zip: 'This is a packed file (KMZ, XLSX or ZIP): unpack it or save it as KML or CSV; Excel is read at Settings, Files',
  file_empty: 'The file is empty',
  file_binary: 'This is no text: save it as GeoJSON, KML, WKT or CSV',
}
