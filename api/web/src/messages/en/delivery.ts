// Proofs of delivery and drivers' links on the pages of shipments and orders.
const OUTCOMES: Readonly<Record<string, string>> = {
  delivered: 'Delivered', partly: 'Partly delivered', refused: 'Refused', nobody_there: 'Nobody was there', closed: 'It was closed',
}
const FLAGS: Readonly<Record<string, string>> = {
  away: 'made away from the stop', clock: 'the phone’s clock was ahead', elsewhere: 'an order was planned for another stop',
}
const FATES: Readonly<Record<string, string>> = { accepted: 'accepted', short: 'missing', damaged: 'damaged', refused: 'refused' }
const STATES: Readonly<Record<string, string>> = { active: 'active', expired: 'expired', revoked: 'revoked' }
const VERDICTS: Readonly<Record<string, string>> = { in_range: 'in range', excursion: 'left its range', indeterminate: 'not known for all of the time', no_data: 'not measured' }

export default {
  proofs: 'Proofs of delivery',
  none: 'Nothing was told of its stops yet.',
  unread: 'Proofs could not be read',
  outcome: (name: string) => OUTCOMES[name] ?? name,
  flag: (name: string) => FLAGS[name] ?? name,
  by: (who: string, when: string) => `${who}, ${when}`,
  late: (when: string) => `came to us ${when}`,
  received_by: (name: string) => `Received by ${name}`,
  signature_of: (name: string) => `Signature of ${name}`,
  photo: 'Photograph made at the stop',
  unsigned: (why: string) => `Not signed: ${why}`,
  missing: (n: number) => (n === 1 ? '1 picture has not come yet' : `${n} pictures have not come yet`),
  fate: (name: string) => FATES[name] ?? name,
  distance: (far: string) => `${far} from the stop`,
  leg: (verdict: string, low: string, high: string, mean: string) => `Temperature on the way: ${VERDICTS[verdict] ?? verdict}${low ? `, ${low} to ${high}, mean kinetic ${mean}` : ''}`,
  typed: (temp: string) => `${temp} by hand`,
  seal: (number: string) => `seal ${number}`,
  revision: (n: number, why: string) => `Revision ${n}: ${why}`,
  pdf: 'PDF',
  more: 'Temperatures',
  correct: 'Correct',
  correct_title: 'What came of it after all',
  correct_text: 'What was said before is kept. The stages of the order and the stock follow what you say now.',
  receiver: 'Who took the goods',
  reason_line: 'Why not accepted',
  why: 'Why it is corrected',
  save: 'Save',
  corrected: 'Corrected',
  links: 'Driver’s link',
  links_text: 'Whoever has it sees this shipment as its driver does, on a phone and without a network, and tells what came of its stops.',
  driver: 'Driver',
  make: 'Make a link',
  copy: 'Copy',
  copied: 'Copied.',
  copy_it: 'Copy it from the field.',
  scan: 'Scan it with the driver’s phone',
  link: 'Link, shown once',
  state: (name: string) => STATES[name] ?? name,
  until: (when: string) => `until ${when}`,
  used: (when: string) => `used ${when}`,
  unused: 'not used yet',
  revoke: 'Revoke',
  revoke_title: (who: string) => `Revoke the link of ${who}?`,
  revoke_text: 'It opens nothing any more. What was told by it stays; what is not sent yet stays on the phone.',
}
