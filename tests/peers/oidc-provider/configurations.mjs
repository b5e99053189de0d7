// What each configuration of the peer is. Every one has the client `flowrun-example`, the users alice and bob (any
// password), and oidc-provider's own login and consent pages; further clients are in clients.mjs.
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { errors } from 'oidc-provider';
import { ACCOUNT_ACCESS, certificateClients, client, fapiClients, openClients, SECRET, signedClient } from './clients.mjs';

const RESOURCE = 'urn:flowrun:accounts';

const USERS = {
  alice: { name: 'Alice Archer', email: 'alice@flowrun.example', email_verified: true },
  bob: { name: 'Bob Baker', email: 'bob@flowrun.example', email_verified: false },
};

const make = (alg, type, parameters, use = 'sig') => ({
  ...generateKeyPairSync(type, parameters).privateKey.export({ format: 'jwk' }), alg, use, kid: `peer-${alg.toLowerCase()}`,
});
const RSA = { modulusLength: 2048 };
const PS256 = make('PS256', 'rsa', RSA);
const ES256 = make('ES256', 'ec', { namedCurve: 'P-256' });
const OTHERS = [make('RS256', 'rsa', RSA), make('EdDSA', 'ed25519'), make('RSA-OAEP-256', 'rsa', RSA, 'enc')];

function common() {
  return {
    jwks: { keys: [PS256, ES256] },
    cookies: { keys: [randomUUID()] },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { idTokenSigningAlgValues: ['PS256', 'ES256'] },
    pkce: { required: () => true },
    findAccount: (ctx, sub) => (USERS[sub] ? { accountId: sub, claims: () => ({ sub, ...USERS[sub] }) } : undefined),
    issueRefreshToken: (ctx, who) => who.grantTypeAllowed('refresh_token'), // also without prompt=consent
    rotateRefreshToken: false, // FAPI 2.0, section 5.3.2.1
    ttl: { AccessToken: 600, AuthorizationCode: 60, DeviceCode: 600, Grant: 86400, IdToken: 600, Interaction: 600, RefreshToken: 86400, Session: 86400 },
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

function signed({ jwks }) {
  return {
    ...common(),
    clients: [signedClient(jwks)],
    features: features({ fapi: { enabled: true, profile: '2.0' } }),
  };
}

// Account access after the Malaysian open-finance shape: rich authorization requests, a consent_id in what was granted.
function ofm({ jwks }) {
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

// FAPI 2.0 with tokens bound by DPoP; `nonce` demands one in every proof, here and at userinfo.
const fapi = (nonce) => ({ jwks }) => ({
  ...common(),
  clients: fapiClients(jwks),
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: {
    idTokenSigningAlgValues: ['PS256', 'ES256'], clientAuthSigningAlgValues: ['PS256', 'ES256', 'EdDSA'],
    requestObjectSigningAlgValues: ['PS256', 'ES256', 'EdDSA'], authorizationSigningAlgValues: ['PS256', 'ES256'],
  },
  features: features({
    fapi: { enabled: true, profile: '2.0' },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    dPoP: { enabled: true, nonceSecret: createHash('sha256').update('flowrun').digest(), requireNonce: () => nonce },
    jwtResponseModes: { enabled: true },
  }),
});

// Nearly all that OpenID Connect has, a client for each of it; with or without an endpoint to push to.
const open = (par) => ({ jwks }) => ({
  ...common(),
  jwks: { keys: [OTHERS[0], PS256, ES256, ...OTHERS.slice(1)] },
  clients: openClients(jwks),
  scopes: ['openid', 'offline_access', 'reports'],
  acrValues: ['urn:flowrun:password'],
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'],
  enabledJWA: {}, // the library's own, as it publishes them: RS256, PS256, ES256, Ed25519, EdDSA
  features: features({
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    encryption: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: par },
  }),
});

// Mutual TLS. `aliases` is the origin of a second door that alone asks for certificates; without it every door does.
function mtls({ jwks, certificates, aliases }) {
  const peer = (ctx) => ctx.socket.getPeerX509Certificate?.();
  const moved = {
    token_endpoint: '/token', pushed_authorization_request_endpoint: '/request', userinfo_endpoint: '/me',
    introspection_endpoint: '/token/introspection', revocation_endpoint: '/token/revocation',
  };
  const published = aliases && Object.fromEntries(Object.entries(moved).map(([name, path]) => [name, aliases + path]));
  return {
    ...common(),
    clients: certificateClients(jwks, certificates),
    clientAuthMethods: ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
    ...(published && { discovery: { mtls_endpoint_aliases: published } }),
    features: features({
      mTLS: {
        enabled: true, certificateBoundAccessTokens: true, selfSignedTlsClientAuth: true, tlsClientAuth: true,
        getCertificate: peer,
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
          && peer(ctx).subject.split('\n').join(',') === expected,
      },
    }),
  };
}

// The same with lives so short that no test waits long for their end.
const brief = (made) => (material) => {
  const { ttl, ...rest } = made(material);
  return { ...rest, ttl: { ...ttl, PushedAuthorizationRequest: 12, AuthorizationCode: 10 } };
};

const CONFIGURATIONS = {
  signed, ofm, plain, fapi: fapi(false), 'fapi-nonce': fapi(true), 'fapi-brief': brief(fapi(false)), open: open(true), 'no-par': open(false), mtls, 'mtls-aliases': mtls,
};

export const names = Object.keys(CONFIGURATIONS);

export function configure(name, material) {
  return CONFIGURATIONS[name](material);
}
