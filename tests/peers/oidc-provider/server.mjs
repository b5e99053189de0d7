// Starts oidc-provider (npm, OpenID certified) on loopback as a peer for flowrun's tests.
//
//   node server.mjs '{"configurations": ["signed"], "client_jwks": "keys.example/client-public.jwks.json"}'
//
// The one argument is JSON:
//   configurations      names in configurations.mjs; left out, all that `certificates` allows
//   client_jwks         file with the clients' public keys
//   certificates        folder with ca.pem, server.pem, server.key and client.json, for mtls and mtls-aliases
//   port                loopback port, for a single configuration; 0, the default, takes free ones
//   until_stdin_closes  end when standard input does, so that a killed test run leaves no server behind
//
// One process serves them all, each on a port of its own. Prints one line, {"signed": "http://…"}: the issuers, once
// they can be called. With PEER_LOG set it also tells, on standard error, what it refused and why. All state is in
// memory: a restart forgets sessions, grants and tokens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { format } from 'node:util';

const REFUSALS = [
  'pushed_authorization_request.error', 'authorization.error', 'grant.error', 'userinfo.error', 'introspection.error',
  'revocation.error', 'device_authorization.error', 'server_error',
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
const { configure, names } = await import('./configurations.mjs');

const read = (file) => readFileSync(`${options.certificates}/${file}`, 'utf8');
const overTls = (name) => name.startsWith('mtls');
const wanted = options.configurations ?? names.filter((name) => options.certificates || !overTls(name));
for (const name of wanted) {
  if (!names.includes(name)) throw new Error(`no configuration '${name}'; there are ${names.join(', ')}`);
  if (overTls(name) && !options.certificates) throw new Error(`'${name}' needs certificates`);
}

// Open a door and give its origin. One that asks for a certificate takes any, or none: the provider judges.
async function listen({ tls = false, asks = false } = {}) {
  const server = tls
    ? createSecureServer({ key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem'), requestCert: asks, rejectUnauthorized: false })
    : createServer();
  await new Promise((ready) => { server.listen(options.port ?? 0, '127.0.0.1', ready); });
  return { server, origin: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${server.address().port}` };
}

async function serve(name) {
  const doors = [await listen({ tls: overTls(name), asks: name === 'mtls' })];
  if (name === 'mtls-aliases') doors.push(await listen({ tls: true, asks: true }));
  const [{ origin: issuer }, second] = doors;
  const material = {
    jwks: JSON.parse(readFileSync(options.client_jwks, 'utf8')), aliases: second?.origin,
    certificates: overTls(name) && JSON.parse(read('client.json')),
  };
  const provider = new Provider(issuer, configure(name, material));
  for (const event of REFUSALS) {
    provider.on(event, (ctx, error) => say(`[${event}]`, ctx?.method, ctx?.path, error?.error ?? error, error?.error_description ?? '', error?.error_detail ?? ''));
  }
  for (const { server } of doors) server.on('request', provider.callback());
  return [name, issuer];
}

const end = () => process.exit(0);
process.on('SIGTERM', end).on('SIGINT', end);
if (options.until_stdin_closes) process.stdin.on('end', end).on('error', end).resume();

process.stdout.write(`${JSON.stringify(Object.fromEntries(await Promise.all(wanted.map(serve))))}\n`);
