// The live page: map, lists of vehicles, stock and alerts, details of a vehicle.
export default {
  search_vehicles: 'search vehicles',
  next_row: 'next row',
  row_before: 'row before',
  follow_key: 'follow the chosen vehicle on the map',
  show_all_what: 'show everything on the map',

  vehicles: 'Vehicles',
  search: 'Search vehicles',
  search_placeholder: 'Search vehicle, place, shipment  ( / )',
  show_only: 'Show only',
  none_fits: 'No vehicle fits this filter',
  show_all: (n: number) => `Show all ${n}`,
  no_vehicle: 'No vehicle yet',
  no_vehicle_next: 'Register a tracker:',
  waiting: 'Waiting for the first data.',

  at: (place: string) => `at ${place}`,
  eta: 'ETA',
  eta_what: 'Arrival at the next stop',
  alerts: (n: number) => (n === 1 ? '1 alert' : `${n} alerts`),
  unseen: (n: number) => (n === 1 ? '1 alarm to look at' : `${n} alarms to look at`),
  unseen_what: 'An alarm is over and nobody has acknowledged it',
}
