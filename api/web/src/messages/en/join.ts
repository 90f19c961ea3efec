// The page behind an invitation: choosing a password.
export default {
  title: 'Choose a password',
  welcome: (user: string, role: string) => `Welcome, ${user}. You have been invited as ${role}.`,
  again_for: (user: string) => `A new password for ${user}.`,
  tenant: (tenant: string) => `Tenant ${tenant}.`,
  until: (time: string) => `The link is good once, until ${time}.`,
  rules: 'At least 12 characters, and not your name. A sentence is long and easy to remember.',
  others_end: 'Wherever you are signed in now, you are signed out.',
  password: 'Password',
  again: 'The same password once more',
  not_same: 'This is not the same password.',
  or_provider: 'Invited with your e-mail address? Then you need no password:',
  by_provider: 'People sign in without a password here:',
  go: 'Choose it and go in',

  looking: 'Looking whom this link is for.',
  gone: 'This link opens nothing any more',
  gone_text: 'It was used already, has ended, or was copied only in part. Ask the person who sent it, or another admin, for a new one.',
  gone_known: 'You have chosen a password already?',
  to_sign_in: 'Go to sign in',
  try_again: 'Try again',
}
