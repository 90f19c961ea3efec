// Who is told (webhooks, channels, brokers): the words that their pages share.
const TYPES: Readonly<Record<string, string>> = {
  'alert.opened': 'Alert raised',
  'alert.changed': 'Alert changed by readings that came late',
  'alert.cleared': 'Alert over',
  'alert.reopened': 'Alert not over after all',
  'alert.retracted': 'Alert taken back: it never was',
  'alert.acknowledged': 'Alert seen by somebody',
  'alert.resolved': 'Alert done with',
  'alert.assigned': 'Alert given to somebody',
  'alert.commented': 'Comment on an alert',
  'alert.acted': 'Something was done against it',
  'alert.disposed': 'Decision on goods proposed',
  'alert.countersigned': 'Decision on goods signed',
  'alert.sent_back': 'Decision on goods not signed',
  'alert.superseded': 'Signed decision to be looked at again',
  'alert.resumed': 'Alert taken up again',
  'alert.muted': 'Alert muted for a time',
  'alert.unmuted': 'Alert no longer muted',
  'shipment.arrived': 'Arrived at a stop',
  'shipment.departed': 'Departed from a stop',
  'shipment.called': 'Arrived and departed, learnt at once',
  'shipment.call_revised': 'Times corrected by readings that came late',
  'shipment.call_retracted': 'Stop taken back: it was not there',
  'order.accepted': 'Order taken in',
  'order.allocated': 'Goods promised to an order',
  'order.deallocated': 'Goods promised no more',
  'order.picked': 'Goods picked',
  'order.put_back': 'Goods put back',
  'order.packed': 'Goods packed',
  'order.unpacked': 'Goods unpacked',
  'order.loaded': 'Goods loaded',
  'order.unloaded': 'Goods unloaded',
  'order.delivered': 'Goods delivered',
  'order.refused': 'Goods refused',
  'order.brought_back': 'Refused goods are back',
  'order.returned': 'Goods sent back',
  'order.short': 'Rest of a line not sent',
  'order.reopened': 'Rest of a line sent after all',
  'order.cancelled': 'Line called off',
  'order.withdrawn': 'Step of an order taken back',
  'delivery.completed': 'Delivered, with proof',
  'delivery.exception': 'Delivery with something wrong',
  'delivery.amended': 'Proof corrected',
  milestone: 'Milestone',
  test: 'Test',
}
const GROUPS: Readonly<Record<string, string>> = { alert: 'Alerts', shipment: 'Shipments', order: 'Orders', delivery: 'Deliveries' }
const groupOf = (group: string): string => GROUPS[group] ?? group

interface Nouns {
  /** 'webhook', 'webhooks' */
  receiver: string
  receivers: string
  /** 'event', 'events' */
  one: string
  many: string
  /** 'delivered' */
  done: string
}

/** The words, with what is told and who is told put in. */
export function receivers({ receiver, receivers, one, many, done }: Nouns) {
  const count = (n: number): string => (n === 1 ? `1 ${one}` : n >= 1000 ? `1000 ${many} or more` : `${n} ${many}`)
  const said = done.charAt(0).toUpperCase() + done.slice(1)
  const filters: Readonly<Record<string, string>> = { '': 'All', waiting: 'Waiting', done: said, 'gave up': 'Given up' }
  return {
    add: `Add a ${receiver}`,
    none: 'Nobody is told yet',
    unread: `The ${receivers} could not be read`,
    try_again: 'Try again',
    asking: 'Asking…',
    gone: (name: string) => `There is no ${receiver} ${name} any more`,
    back: `All ${receivers}`,
    table: `${receivers.charAt(0).toUpperCase()}${receivers.slice(1)}, table`,
    count,

    name: 'Name',
    name_what: 'a to z, 0 to 9, - and _. Say which system it is.',
    url: 'Address',
    told: 'It is told',
    everything: 'Everything, also what is added one day',
    all_of: (group: string) => `All of ${groupOf(group).toLowerCase()}`,
    group: groupOf,
    type: (type: string) => TYPES[type] ?? type,
    told_everything: 'everything',
    told_all_of: (group: string) => `all of ${groupOf(group).toLowerCase()}`,
    told_some: (n: number, all: number, group: string) => `${n} of ${all} of ${groupOf(group).toLowerCase()}`,
    told_none: 'Choose at least one.',
    leave_it: 'Leave it',
    change: 'Change',
    change_of: (name: string) => `Change ${name}`,
    save: 'Save',
    saved: 'Saved.',

    state: 'State',
    last: `Last ${one}`,
    state_new: 'told nothing yet',
    state_telling: 'telling',
    state_waiting: (since: string) => `waiting since ${since}`,
    state_given_up: (n: number) => `${count(n)} given up`,
    state_paused: 'paused',
    state_off: 'switched off by itself',
    waits: (n: number) => `${count(n)} ${n === 1 ? 'waits' : 'wait'}`,
    asked_again: (at: string) => `next try at ${at}`,
    paused_by: (why: string) => why.replace(/^switched off by/, 'by'),
    arrived: (ago: string) => `${done} ${ago}`,
    failed: (ago: string) => `failed ${ago}`,
    never: 'none yet',

    test: 'Send a test',
    test_title: 'Test',
    test_sending: 'Sending…',
    test_answer: 'What came back',
    test_no_answer: 'Nothing but the status came back.',
    test_good: 'It arrived.',
    test_bad: 'It did not arrive.',
    test_behind: (n: number) => `${n === 1 ? `One ${one} is` : `${n} ${many} are`} before it, and the first of them did not arrive:`,
    test_slow: 'Nobody has sent it yet. Do the operations run? The log below shows it when they do.',
    test_off: 'While it is paused nothing is sent: resume it first.',
    took: (ms: number) => (ms < 1000 ? `after ${ms} ms` : `after ${(ms / 1000).toFixed(1)} s`),

    pause: 'Pause',
    pause_question: (name: string) => `Pause ${name}?`,
    pause_text: 'What happens meanwhile is not told later. What waits already stays, and is told when you resume it.',
    paused: (name: string) => `${name} is paused.`,
    resume: 'Resume',
    resumed: (name: string) => `${name} is told again.`,
    remove: 'Remove',
    remove_question: (name: string) => `Remove ${name} for good?`,
    remove_text: (n: number) => `It is told nothing more. Its log is gone${n ? `, and ${n === 1 ? `the ${one} that waits` : `the ${many} that wait (${n})`} too` : ''}. This cannot be taken back.`,
    removed: (name: string) => `${name} is removed.`,

    log: `${many.charAt(0).toUpperCase()}${many.slice(1)}`,
    log_what: 'Of the last 30 days, the newest first.',
    filter: 'Show',
    filter_of: (state: string) => filters[state] ?? state,
    log_none: 'Nothing was sent yet',
    log_none_text: 'Send a test, or wait for the next alert.',
    log_none_fits: 'None of these',
    show_all: 'Show all',
    more: 'Show more',
    waiting: 'waiting',
    done,
    gave_up: 'given up',
    again_at: (at: string) => `again at ${at}`,
    attempts: (n: number) => (n === 1 ? '1 attempt' : `${n} attempts`),
    attempt_none: 'Not tried yet.',
    sent: 'What is sent',
    about: 'About',
    again: 'Send again',
    again_of: (id: string) => `Send again: ${id}`,
    again_all: (n: number) => `Send all ${n >= 1000 ? '' : `${n} `}given up again`,
    again_question: 'Send all again that was given up?',
    again_text: (n: number) => `${count(n)}, in their order.`,
    sent_again: (n: number) => `${count(n)} sent again.`,

    short_nowhere: (host: string) => `no address in the world: ${host}`,
    why_nowhere: (host: string) =>
      `“${host}” leads to no address out in the world, so nothing is sent there: otherwise anybody with a ${receiver} could reach into the network Frostway runs in. Is it written right? If it is inside on purpose, whoever runs Frostway names its network in FROSTWAY_WEBHOOK_NETWORKS.`,
    why_tls: (reason: string) => `Its certificate is not to be trusted (${reason}). One of a private authority is named in FROSTWAY_WEBHOOK_CA_FILE.`,
    why_slow: (seconds: string) => `No answer within ${seconds} seconds.`,
    why_refused: 'Nobody listens at this address and port.',
    why_surplus: `Too many ${many} waited.`,
  }
}

/** What the shared components say; title and what it is for are each page's own. */
export type ReceiverWords = ReturnType<typeof receivers> & { title: string; what: string; none_text: string }
