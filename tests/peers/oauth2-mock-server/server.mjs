// Starts oauth2-mock-server (npm) on loopback: no PAR, and no page at all: who comes is sent back at once, as johndoe.
//
// Prints one line, {"oauth2-mock-server": "http://…"}, once it can be called; ends when standard input does.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');
server.issuer.url = `http://127.0.0.1:${server.address().port}`;
const end = () => process.exit(0);
process.on('SIGTERM', end).on('SIGINT', end);
process.stdin.on('end', end).on('error', end).resume();

process.stdout.write(`${JSON.stringify({ 'oauth2-mock-server': server.issuer.url })}\n`);
