// The first steps: from an empty installation to one's own things on the map.
const STEPS: Readonly<Record<string, { title: string; text: string; link: string }>> = {
  device: { title: 'Add a phone or a tracker', text: 'A phone with OwnTracks or Traccar Client will do; the page shows what to type, and a code to scan.', link: 'Add a device' },
  position: { title: 'See it on the map', text: 'Its first position puts it there, seconds after it was sent.', link: 'Open the map' },
  site: { title: 'Draw a place around it', text: 'A depot, a shop, a customer: from then on arrivals and departures are told.', link: 'Draw a place' },
  link: { title: 'Share a shipment', text: 'Plan one with its stops, and send its customer a link that needs no sign-in.', link: 'Plan a shipment' },
  webhook: { title: 'Be told of alerts', text: 'A webhook tells another system of what goes wrong; try it with its test button.', link: 'Make a webhook' },
}

export default {
  title: 'First steps',
  of: (done: number, all: number) => `${done} of ${all} done`,
  all_done: 'All done',
  all_done_text: 'Your own things are on the map. This page stays in the search (Ctrl K).',
  unread: 'The steps could not be read',
  try_again: 'Try again',
  step_title: (name: string) => STEPS[name]?.title ?? name,
  step_text: (name: string) => STEPS[name]?.text ?? '',
  step_link: (name: string) => STEPS[name]?.link ?? '',
  done: 'Done',
  open: 'To do',
  by: (what: string) => `with ${what}`,
  go: (done: number, all: number) => `First steps: ${done} of ${all} done`,
  hide: 'Hide the first steps here',

  demo: 'Simulated fleet',
  demo_on: 'Eight simulated vehicles drive around Helsinki, so that there is something to look at. They count for none of the steps.',
  demo_off: 'Eight vehicles that drive around Helsinki, to have something to look at before your own do.',
  demo_adding: 'It is being added. This takes some seconds.',
  demo_removing: 'It is being removed. This takes some seconds.',
  demo_impossible: 'It can be added where `frostway up` runs.',
  demo_add: 'Add the simulated fleet',
  demo_remove: 'Remove the simulated fleet',
  demo_question: 'Remove the simulated fleet?',
  demo_question_text: 'Its vehicles, places and goods leave the lists, its tours are called off and its alerts resolved. What is your own stays. You can add it again here.',
  demo_added: 'The simulated fleet is there',
  demo_removed: 'The simulated fleet is gone',
}
