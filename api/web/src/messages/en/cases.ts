// What staff do with an alert: whose it is, what is said, what becomes of the goods.
type Decision = 'release' | 'quarantine' | 'reject'

const TO: Readonly<Record<string, string>> = { release: 'to release', quarantine: 'to quarantine', reject: 'to reject' }
const IS: Readonly<Record<string, string>> = { release: 'Released', quarantine: 'Quarantined', reject: 'Rejected' }
const ACTIONS: Readonly<Record<string, string>> = {
  moved_goods: 'Goods moved',
  closed_doors: 'Doors closed',
  restarted_unit: 'Unit restarted',
  changed_setpoint: 'Set point changed',
  called_driver: 'Driver called',
  inspected_goods: 'Goods inspected',
  replaced_sensor: 'Sensor replaced',
  other: 'Something else',
}

export default {
  case: 'Case',
  bar: 'What to do',
  assigned_to: (name: string) => `Assigned to ${name}`,
  assigned_to_me: 'Assigned to you',
  unassigned: 'Assigned to nobody',
  assign: 'Assign…',
  assign_title: 'Who looks after it?',
  assign_me: 'Me',
  assign_nobody: 'Nobody',
  nobody_found: 'Nobody of that name is here.',
  find_person: 'Find a person',
  said_assigned: (name: string) => (name ? `Assigned to ${name}.` : 'Assigned to nobody.'),
  undo: 'Undo',

  decide: 'Decide…',
  decide_title: 'What becomes of the goods?',
  decide_text: 'You propose it. It stands when another person signs.',
  reason: 'Why',
  reason_wanted: 'Say why.',
  facts: (extreme: string, limit: string, lasted: string) => `${extreme} at the worst, limit ${limit}, ${lasted}`,
  decision: (name: Decision) => ({ release: 'Release', quarantine: 'Quarantine', reject: 'Reject' })[name],
  decision_about: (name: Decision) =>
    ({ release: 'the goods may be used', quarantine: 'set aside until it is clear', reject: 'the goods are not used' })[name],
  proposed: (who: string, what: string) => `${who} proposed ${TO[what] ?? what}; another person has to sign.`,
  proposed_by_me: (what: string) => `You proposed ${TO[what] ?? what}; another person has to sign.`,
  stands: (what: string, who: string, signer: string) => `${IS[what] ?? what}: proposed by ${who}, signed by ${signer}.`,
  superseded: (what: string) => `To be looked at again. What was signed (${TO[what] ?? what}) was decided before later readings came.`,
  sign: 'Sign…',
  sign_title: 'Sign the decision?',
  sign_text: (who: string, what: string) => `${who} proposes ${TO[what] ?? what} the goods.`,
  sign_yes: 'Sign',
  sign_no: 'Do not sign',
  sign_note: 'A word to it (needed when you do not sign)',
  change: 'Propose something else…',
  reopen: 'Reopen…',
  take_back: 'Take it back…',
  reopen_title: 'Reopen the case?',
  reopen_text: 'What was decided on the goods is taken back. The history keeps it.',
  reopen_yes: 'Reopen',

  mute: 'Mute…',
  unmute: 'Tell again',
  mute_title: 'Tell nobody for a while?',
  mute_text: 'What happens is recorded all the same. If it still lasts then, it is told anew.',
  mute_for: 'For how long',
  mute_yes: 'Mute',
  muted_until: (at: string, who: string) => `Muted until ${at} by ${who}.`,
  line_until: (at: string) => `until ${at}`,

  say: 'Comment or action',
  say_what: 'Write to the others; @ speaks of a person',
  say_kind: 'What it is',
  comment: 'Comment',
  action: (name: string) => ACTIONS[name] ?? name,
  add: 'Add',
  said: 'Added.',
  people: 'People of that name',

  line_to: (name: string) => (name ? `to ${name}` : 'to nobody'),
  line_decision: (what: string) => TO[what] ?? what,

  sound: 'Sound when critical',
  sound_touch: 'Touch the page once: the browser lets no sound out before.',
  mine: 'Mine',
  to_sign: 'To decide',
}
