// The clients that each configuration knows. All of them come back to one redirect_uri and have the same secret.
const REDIRECT_URI = 'https://app.flowrun.example/callback'; // resolves nowhere: the runner reads it at the navigation
export const SECRET = 'a-secret-for-tests-only-0123456789abcdef';
export const ACCOUNT_ACCESS = 'urn:openfinance-ml:account-access-consent:v1.2';

export function client(more) {
  return {
    client_id: 'flowrun-example', client_name: 'Flowrun Example', redirect_uris: [REDIRECT_URI], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'PS256', ...more,
  };
}

function keyClient(jwks, more) {
  return client({ token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256', jwks, ...more });
}

// FAPI 2.0 with message signing: PAR, a PS256 request object and a PS256 client assertion, or nothing.
export function signedClient(jwks, more) {
  return keyClient(jwks, {
    require_pushed_authorization_requests: true, require_signed_request_object: true, request_object_signing_alg: 'PS256', ...more,
  });
}

// A JWKS with one of our keys alone, so that a client can't sign for another one; all of them where none is called so.
const only = (jwks, kid) => {
  const found = jwks.keys.filter((key) => key.kid === kid);
  return { keys: found.length ? found : jwks.keys };
};

export function fapiClients(jwks) {
  const bound = { dpop_bound_access_tokens: true, authorization_signed_response_alg: 'PS256' };
  return [
    keyClient(jwks, bound),
    signedClient(only(jwks, 'flowrun-example-1'), { ...bound, client_id: 'message-signing' }),
    signedClient(only(jwks, 'flowrun-example-2'), { ...bound, client_id: 'second' }),
    signedClient(jwks, {
      ...bound, client_id: 'es256', token_endpoint_auth_signing_alg: 'ES256', request_object_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256',
    }),
  ];
}

export function openClients(jwks) {
  const secret = (client_id, more) => client({ client_id, token_endpoint_auth_method: 'client_secret_basic', client_secret: SECRET, ...more });
  const alone = { redirect_uris: [], response_types: [] };
  return [
    secret('flowrun-example', { id_token_signed_response_alg: 'RS256' }),
    secret('by-post', { token_endpoint_auth_method: 'client_secret_post' }),
    secret('by-secret-jwt', { token_endpoint_auth_method: 'client_secret_jwt' }),
    client({ client_id: 'public', token_endpoint_auth_method: 'none' }),
    secret('es256', { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'ES256' }),
    secret('eddsa', { id_token_signed_response_alg: 'EdDSA', authorization_signed_response_alg: 'EdDSA', userinfo_signed_response_alg: 'EdDSA' }),
    keyClient(jwks, {
      client_id: 'encrypted', authorization_signed_response_alg: 'PS256', userinfo_signed_response_alg: 'PS256',
      id_token_encrypted_response_alg: 'RSA-OAEP-256', id_token_encrypted_response_enc: 'A256GCM',
      userinfo_encrypted_response_alg: 'RSA-OAEP', userinfo_encrypted_response_enc: 'A128CBC-HS256',
      authorization_encrypted_response_alg: 'RSA-OAEP', authorization_encrypted_response_enc: 'A256CBC-HS512',
      request_object_signing_alg: 'PS256', request_object_encryption_alg: 'RSA-OAEP-256', request_object_encryption_enc: 'A256GCM',
    }),
    secret('device', { ...alone, grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] }),
    keyClient(jwks, { client_id: 'machine', ...alone, grant_types: ['client_credentials'], scope: 'reports' }),
  ];
}

// `certificates` has the subject that the authority vouches for, and the JWKS of the self-signed one.
export function certificateClients(jwks, certificates) {
  const bound = { tls_client_certificate_bound_access_tokens: true };
  return [
    keyClient(jwks, bound),
    client({ client_id: 'by-authority', ...bound, token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: certificates.subject }),
    client({ client_id: 'self-signed', ...bound, token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: certificates.selfSigned }),
  ];
}
