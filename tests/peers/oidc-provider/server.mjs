// Starts oidc-provider (npm, OpenID certified) on loopback as a peer for flowrun's tests.
//
//   node server.mjs '{"configuration": "signed", "client_jwks": "keys.example/client-public.jwks.json"}'
//
// The one argument is JSON:
//   configuration       a name in configurations.mjs (default "signed")
//   client_jwks         file with the clients' public keys
//   port                loopback port; 0, the default, takes a free one
//   until_stdin_closes  end when standard input does, so that a killed test run leaves no server behind
//
// Prints one line, {"issuer": "…"}, once it can be called. With PEER_LOG set it also tells, on standard error, what it
// refused and why. All state is in memory: a restart forgets sessions, grants and tokens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { format } from 'node:util';

const REFUSALS = [
  'pushed_authorization_request.error', 'authorization.error', 'grant.error', 'userinfo.error', 'introspection.error',
  'revocation.error', 'server_error',
];

function say(...words) {
  if (process.env.PEER_LOG) process.stderr.write(`${format(...words)}\n`);
}

// The library warns on the console about its development pages; standard output is for the ready line alone.
console.info = say;
console.warn = say;
process.removeAllListeners('warning').on('warning', say);

const options = JSON.parse(process.argv[2] ?? '{}');
const { default: Provider } = await import('oidc-provider');
const { configure } = await import('./configurations.mjs');

const server = createServer();
server.listen(options.port ?? 0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const jwks = JSON.parse(readFileSync(options.client_jwks, 'utf8'));
  const provider = new Provider(issuer, await configure(options.configuration ?? 'signed', jwks));
  for (const event of REFUSALS) {
    provider.on(event, (ctx, error) => say(`[${event}]`, ctx?.method, ctx?.path, error?.error ?? error, error?.error_description ?? '', error?.error_detail ?? ''));
  }
  server.on('request', provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});

const end = () => process.exit(0);
process.on('SIGTERM', end).on('SIGINT', end);
if (options.until_stdin_closes) process.stdin.on('end', end).on('error', end).resume();
