// The page of alerts.
export default {
  search_alerts: 'search alerts',
  next_row: 'next row',
  row_before: 'row before',
  key_acknowledge: 'acknowledge the chosen alert: note, then Enter',
  key_resolve: 'to the Resolve button of the chosen alert',
}
