// Brokers: what happens is published by MQTT for other systems.
import { receivers } from './receivers.ts'

const words = receivers({ receiver: 'broker', receivers: 'brokers', one: 'event', many: 'events', done: 'taken' })

export default {
  ...words,
  title: 'Brokers',
  what: 'What happens is published by MQTT, on brokers of other systems: alerts, arrivals, departures, and what readings that came late correct in them.',
  none: 'Nothing is published yet',
  none_text: 'Add the broker of a system that listens by MQTT, then try it with its test button.',
  name_what: 'a to z, 0 to 9, - and _. Say whose broker it is.',
  told: 'Published',
  log: 'Events',

  url_what: 'mqtts://broker.example.org, with TLS on port 8883; mqtt:// and other ports in a network of your own that FROSTWAY_WEBHOOK_NETWORKS names.',
  user: 'User',
  password: 'Password',
  login: 'Login',
  login_what: 'Leave both empty if it lets everybody publish. They are sealed and never shown again.',
  login_kept: 'Leave both empty to keep its login. Another address takes it once more.',
  login_none: 'Publish without a login from now on',
  signs_in: 'with user and password',
  signs_in_not: 'none',
  prefix: 'Topics begin with',
  prefix_what: (tenant: string) => `frostway/${tenant} if you leave it empty.`,
  retained: 'The last word stays there',
  retained_what: 'Who subscribes later finds each open alert, and the last event of each vehicle, at once (retained).',
  retained_yes: 'yes: open alerts, the last event of each vehicle',
  retained_no: 'no: only who is listening hears it',

  home: 'Home Assistant finds vehicles and devices there',
  home_what: 'With position, temperatures, humidity, batteries, alerts and whether each is heard; told when it changes, at most every 10 seconds (MQTT discovery).',
  home_of: 'Home Assistant',
  discovery: 'Topics of discovery begin with',
  discovery_what: 'homeassistant, unless it was changed over there.',
  home_off: 'off',
  home_neither: 'It is not told either, for the same reason.',
  home_begins: 'is being told…',
  home_on: (n: number, ago: string) => `${n === 1 ? '1 vehicle or device' : `${n} vehicles and devices`}, looked at ${ago}`,
  home_ending: (n: number) => `${n === 1 ? 'One that stands there is' : `${n} that stand there are`} being taken away.`,

  test_good: 'The broker took it.',
  test_bad: 'The broker did not take it.',
  again_text: (n: number) => `${words.count(n)}, in their order, each with the id it has had: who has it already knows it again.`,
  remove_text: (n: number) => `${words.remove_text(n)} What is retained over there stays until somebody clears it.`,

  remove_home: 'Home Assistant keeps what it has found: switch it off here first, and it is taken away.',

  listen: 'How another system listens',
  listen_text: 'Try it with Mosquitto’s own program, then send a test: it is on the line at once.',
  listen_login: 'USER and PASSWORD are the listener’s own, not those that publish.',
  listen_topic: 'Topic',
  listen_events: 'each event, as CloudEvents in JSON, QoS 1',
  listen_alerts: 'an alert that is open; empty when it is over',
  listen_vehicles: 'the last event of a vehicle',
  listen_now: 'each vehicle and device as it is now, for Home Assistant and others',
  listen_rest: 'Brokers by REST',

  why_mqtts: 'Out in the world it takes mqtts: with mqtt anybody on the way could read it.',
  why_port: (port: string) => `Port ${port} is shut to brokers out in the world: 8883 is open.`,
  why_sealed: 'Its login was sealed with another secret: give it once more.',
  why_login: 'It does not take this user or password.',
  why_topic: 'It lets this user in, but not publish there: its rules have to allow all topics below the prefix.',
  why_keep: 'It keeps nothing for those who come later: switch off “The last word stays there”, or let it retain.',
  why_large: 'The event is larger than it takes.',
  why_busy: 'It is busy or full; it is asked again later.',
  why_other: 'What listens there speaks no MQTT. Are address and port right?',
}
