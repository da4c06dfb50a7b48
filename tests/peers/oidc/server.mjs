// A social network for the tests: oidc-provider, an OpenID Connect provider of other people's making.
//
// PORT says where to listen; CLIENTS is JSON, a list of {client_id, client_secret?, redirect_uris}. Whoever signs in
// becomes the subject of that name. The keys are made at every start, so a restart is a change of keys.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.env.PORT);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: JSON.parse(process.env.CLIENTS).map((client) => ({
    ...client,
    token_endpoint_auth_method: client.client_secret ? 'client_secret_basic' : 'none',
  })),
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub'], profile: ['name'] },
  // Like Google, and unlike oidc-provider by itself: what was asked for stands in the ID token.
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} at the peer` }) }),
  // The form that asks for a login, any login, and then for consent.
  features: { devInteractions: { enabled: true } },
});

createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'));
