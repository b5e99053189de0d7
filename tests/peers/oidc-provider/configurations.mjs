// What each configuration of the peer is. Every one has the client `flowrun-example`, the users alice and bob (any
// password), and oidc-provider's own login and consent pages.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { errors } from 'oidc-provider';

const REDIRECT_URI = 'https://app.flowrun.example/callback'; // resolves nowhere: the runner reads it at the navigation
const SECRET = 'a-secret-for-tests-only-0123456789abcdef';
const ACCOUNT_ACCESS = 'urn:openfinance-ml:account-access-consent:v1.2';
const RESOURCE = 'urn:flowrun:accounts';

const USERS = {
  alice: { name: 'Alice Archer', email: 'alice@flowrun.example', email_verified: true },
  bob: { name: 'Bob Baker', email: 'bob@flowrun.example', email_verified: false },
};

function signingKeys() {
  const make = (alg, type, parameters) => ({
    ...generateKeyPairSync(type, parameters).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `peer-${alg.toLowerCase()}`,
  });
  return { keys: [make('PS256', 'rsa', { modulusLength: 2048 }), make('ES256', 'ec', { namedCurve: 'P-256' })] };
}

function client(more) {
  return {
    client_id: 'flowrun-example', client_name: 'Flowrun Example', redirect_uris: [REDIRECT_URI], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'PS256', ...more,
  };
}

// FAPI 2.0 with message signing: PAR, a PS256 request object and a PS256 client assertion, or nothing.
function signedClient(jwks, more) {
  return client({
    token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256', jwks,
    require_pushed_authorization_requests: true, require_signed_request_object: true, request_object_signing_alg: 'PS256', ...more,
  });
}

function common() {
  return {
    jwks: signingKeys(),
    cookies: { keys: [randomUUID()] },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { idTokenSigningAlgValues: ['PS256', 'ES256'] },
    pkce: { required: () => true },
    findAccount: (ctx, sub) => (USERS[sub] ? { accountId: sub, claims: () => ({ sub, ...USERS[sub] }) } : undefined),
    issueRefreshToken: (ctx, who) => who.grantTypeAllowed('refresh_token'), // also without prompt=consent
    rotateRefreshToken: false, // FAPI 2.0, section 5.3.2.1
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 86400, IdToken: 600, Interaction: 600, RefreshToken: 86400, Session: 86400 },
  };
}

function features(more) {
  return {
    devInteractions: { enabled: true },
    claimsParameter: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    requestObjects: { enabled: true },
    revocation: { enabled: true },
    ...more,
  };
}

function signed(jwks) {
  return {
    ...common(),
    clients: [signedClient(jwks)],
    features: features({ fapi: { enabled: true, profile: '2.0' } }),
  };
}

// Account access after the Malaysian open-finance shape: rich authorization requests, a consent_id in what was granted.
function ofm(jwks) {
  const granted = (detail) => ({
    ...detail,
    consent: { ...detail.consent, consent_id: randomUUID(), status: 'authorized', account_ids: ['100000001', '100000002'] },
  });
  return {
    ...common(),
    scopes: ['openid', 'offline_access', 'accounts'],
    clients: [signedClient(jwks, { authorization_details_types: [ACCOUNT_ACCESS] })],
    features: features({
      fapi: { enabled: true, profile: '2.0' },
      richAuthorizationRequests: {
        enabled: true,
        types: { [ACCOUNT_ACCESS]: { validate: checkConsent } },
        // Made once, with the code; the tokens and introspection repeat it, so a refresh keeps its consent_id.
        authorizationDetailsForGrantSource: (ctx) => JSON.parse(ctx.oidc.params.authorization_details).map(granted),
        authorizationDetailsForAccessToken: (ctx, token, source) => source.rar,
        authorizationDetailsForIntrospection: (ctx, token) => token.rar,
      },
      // This server wants a resource for every rich request; the tokens stay good for userinfo all the same.
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, who, oneOf) => oneOf ?? (ctx.oidc.params?.authorization_details ? RESOURCE : undefined),
        useGrantedResource: () => false,
        getResourceServerInfo: () => ({ scope: 'accounts', audience: RESOURCE, accessTokenFormat: 'opaque' }),
      },
    }),
  };
}

function checkConsent(ctx, { consent }) {
  for (const member of ['dc_id', 'consent_type', 'consent_purpose', 'permissions', 'expiration_datetime']) {
    if (consent?.[member] === undefined) throw new errors.InvalidAuthorizationDetails(`consent.${member} is required`);
  }
  if (consent.dp_id === '') throw new errors.InvalidAuthorizationDetails('consent.dp_id is empty; leave it out instead');
}

// Plain OpenID Connect: a client secret; pushing is possible, not required.
function plain() {
  return {
    ...common(),
    clients: [client({ token_endpoint_auth_method: 'client_secret_basic', client_secret: SECRET })],
    features: features(),
  };
}

const CONFIGURATIONS = { signed, ofm, plain };

export function configure(name, jwks) {
  const make = CONFIGURATIONS[name];
  if (!make) throw new Error(`no configuration '${name}'; there are ${Object.keys(CONFIGURATIONS).join(', ')}`);
  return make(jwks);
}
