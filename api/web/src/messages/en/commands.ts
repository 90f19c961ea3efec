// What devices are told, on their page.
const KINDS: Readonly<Record<string, string>> = {
  ping: 'Ping',
  interval: 'Report every …',
  reboot: 'Restart',
}
const STATES: Readonly<Record<string, string>> = {
  waiting: 'Waiting',
  sent: 'Sent',
  answered: 'Done',
  refused: 'Refused',
  expired: 'Not answered in time',
  cancelled: 'Cancelled',
}
const OBSTACLES: Readonly<Record<string, string>> = {
  revoked: 'It is shut out, so it hears nothing. Let it in again to tell it something.',
  no_login: 'It has no login at the broker, where commands are heard. “New password” gives it one.',
}

export default {
  title: 'Commands',
  send: 'Send a command',
  send_to: (device: string) => `Send a command to ${device}`,
  none: 'Nothing was sent to it in the last 90 days.',
  list: 'Commands, the newest first',
  unread: 'The commands could not be read',
  kind: 'What it is to do',
  kind_of: (name: string) => KINDS[name] ?? name,
  own: 'Another, which its maker tells',
  command: 'Its name (a to z, 0 to 9, _)',
  argument: 'What it takes, as JSON',
  not_json: 'What it takes is not JSON. An example: {"seconds": 30}',
  optional: (label: string) => `${label}, if wanted`,
  expires: 'Worth nothing after',
  expiries: (seconds: number) => ({ 600: '10 minutes', 3600: '1 hour', 86400: '1 day', 604800: '7 days' })[seconds] ?? `${seconds} s`,
  expires_what: 'When it is away it hears it as soon as it is back, if that is in time.',
  harms: (name: string, device: string) => `“${name}” interrupts ${device}. Send it all the same?`,
  yes_send: 'Yes, send it',
  leave_it: 'Cancel',
  made: (name: string) => `${name}: on its way`,
  obstacle_of: (obstacle: string) => OBSTACLES[obstacle] ?? obstacle,
  state_of: (state: string) => STATES[state] ?? state,
  waits: 'until the device is heard',
  sent_so_often: (count: number, age: string) => (count === 1 ? age : `${count} times, first ${age}`),
  until: (time: string) => `worth nothing after ${time}`,
  answered: (text: string) => `“${text}”`,
  by: (who: string, age: string) => `${who}, ${age}`,
  cancel: 'Take back',
  cancel_of: (name: string) => `Take back ${name}`,
  cancel_question: (name: string) => `Take back “${name}”?`,
  cancel_text: 'The device has not heard of it, and will not.',
  cancelled: (name: string) => `${name} was taken back`,
}
