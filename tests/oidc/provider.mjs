// An OpenID provider for tests, on this machine only. What it is comes as JSON in its first argument: `port`, `client`,
// `jwks`, and `accounts`, a subject's claims. Who signs in types the subject; any password is good.
import { Provider } from 'oidc-provider'

const { port, client, jwks, accounts } = JSON.parse(process.argv[2])
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
  clients: [client],
  jwks,
  cookies: { keys: ['of no use to anybody'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  features: { rpInitiatedLogout: { enabled: true } },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
})
provider.listen(port, '127.0.0.1', () => console.log('ready'))
