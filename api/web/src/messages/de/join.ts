// The page behind an invitation, in German: choosing a password.
import type { Translation } from '../catalogue.ts'
import type en from '../en/join.ts'

const words: Translation<typeof en> = {
  title: 'Passwort wählen',
  welcome: (user, role) => `Willkommen, ${user}. Sie sind eingeladen als ${role}.`,
  again_for: (user) => `Ein neues Passwort für ${user}.`,
  tenant: (tenant) => `Mandant ${tenant}.`,
  until: (time) => `Der Link gilt einmal, bis ${time}.`,
  rules: 'Mindestens 12 Zeichen, und nicht Ihr Name. Ein Satz ist lang und leicht zu merken.',
  others_end: 'Wo Sie jetzt angemeldet sind, werden Sie abgemeldet.',
  password: 'Passwort',
  again: 'Dasselbe Passwort noch einmal',
  not_same: 'Das ist nicht dasselbe Passwort.',
  or_provider: 'Mit Ihrer E-Mail-Adresse eingeladen? Dann brauchen Sie kein Passwort:',
  by_provider: 'Hier meldet man sich ohne Passwort an:',
  go: 'Übernehmen und anmelden',

  looking: 'Es wird nachgesehen, für wen dieser Link ist.',
  gone: 'Dieser Link öffnet nichts mehr',
  gone_text: 'Er wurde schon benutzt, ist abgelaufen oder nur zum Teil kopiert. Bitten Sie den Absender oder einen anderen Admin um einen neuen.',
  gone_known: 'Sie haben schon ein Passwort gewählt?',
  to_sign_in: 'Zur Anmeldung',
  try_again: 'Erneut versuchen',
}
export default words
