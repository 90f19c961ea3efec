// What people say to one another, and shifts that are handed over.
const SECTIONS: Readonly<Record<string, string>> = { alerts: 'Alerts', orders: 'Orders', shipments: 'Shipments', waves: 'Waves', counts: 'Counts' }
const STATUSES: Readonly<Record<string, string>> = {
  in_transit: 'under way', open: 'open', allocated: 'to be picked', picked: 'picked', packed: 'packed', loaded: 'on the vehicle', returning: 'on the way back',
  planned: 'planned', releasing: 'being released', released: 'released', assigned: 'given to somebody', counted: 'counted', warning: 'warning', critical: 'critical',
}

export default {
  title: 'Hand over',
  site: 'Site',
  all_sites: 'All sites',
  asking: 'Asking what is open…',
  section: (name: string) => SECTIONS[name] ?? name,
  status: (name: string) => STATUSES[name] ?? name,
  nothing_open: 'Nothing is open',
  nothing_open_text: 'No alerts, orders, shipments, waves or counts wait for anybody here.',
  for_me: 'Said to you',
  all_read: 'I have read it',
  leave: 'What you leave to whoever comes',
  hand_over: 'Hand over',
  handed_over: 'Handed over, with what is open now',
  left: 'What was left',
  remarks: 'Remarks',
  say: 'Say something; @name speaks to a person',
  send: 'Say it',
  nothing_said: 'Nobody has said anything yet.',
  taken_back: 'taken back',
  take_back: 'Take back',
  follow: 'Follow',
  following: 'You follow this',
}
