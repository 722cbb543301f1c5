/** One WebSocket through `PUBLIC_URL`, as a browser makes it. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { openTokens, type TokenSettings } from '#libs/auth/tokens.ts';

const OPEN_MS = 10_000;
const PONG_MS = 5000;
/** Longer than any silence that is tried. */
const TOKEN_SECONDS = 600;
const USER = 'parley-doctor';
/** Asks for close codes in place of refusals (H5). */
const PROTOCOLS = ['parley.v1', 'parley.v1+close'];

/** The socket was not made, or was closed before `welcome`. */
export class SocketRefused extends Error {
  override readonly name = 'SocketRefused';
  readonly todo: string;

  constructor(message: string, todo: string) {
    super(message);
    this.todo = todo;
  }
}

/** An open socket, after its `welcome`. */
export class PublicSocket {
  readonly #socket: WebSocket;
  readonly #ended: Promise<string>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#ended = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => resolve(`${code} ${reason}`.trim()));
    });
  }

  /** Sends nothing. Resolves with the end of the connection, or with undefined after `ms`. */
  async silentFor(ms: number): Promise<string | undefined> {
    const waiting = new AbortController();
    const over = delay(ms, undefined, { signal: waiting.signal }).catch(() => undefined);
    const ended = await Promise.race([this.#ended, over]);
    waiting.abort();
    return ended;
  }

  /** Asks with `ping`, and closes. Resolves to whether the hub answered. */
  async answers(): Promise<boolean> {
    const pong = new Promise<boolean>((resolve) => {
      this.#socket.addEventListener('message', ({ data }) => {
        if (String(data).includes('"pong"')) resolve(true);
      });
    });
    this.#socket.send('{"type":"ping"}');
    const answered = await Promise.race([pong, this.silentFor(PONG_MS).then(() => false)]);
    this.#socket.close(1000);
    return answered;
  }
}

/**
 * Opens a socket with a token of its own, which is good for some minutes. Rejects with
 * `SocketRefused`.
 */
export async function openSocket(publicUrl: string, settings: TokenSettings): Promise<PublicSocket> {
  const { signer } = openTokens(settings);
  if (signer === undefined)
    throw new SocketRefused('no token can be made here', 'Run the doctor with the settings of the API, which signs tokens.');
  const expiresAt = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
  const token = signer.sign({ userId: USER, name: 'Doctor', kind: 'user', expiresAt, issuedAt: Date.now() / 1000 });
  const url = `${publicUrl}/ws/chat`;
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [...PROTOCOLS, `bearer.${token}`]);
  const outcome = await new Promise<'welcome' | 'late' | 'failed' | { readonly code: number; readonly reason: string }>((resolve) => {
    const late = setTimeout(() => resolve('late'), OPEN_MS);
    const end = (result: Parameters<typeof resolve>[0]): void => {
      clearTimeout(late);
      resolve(result);
    };
    socket.addEventListener('message', () => end('welcome'), { once: true });
    socket.addEventListener('close', ({ code, reason }) => end({ code, reason }), { once: true });
    socket.addEventListener('error', () => end('failed'), { once: true });
  });
  if (outcome === 'welcome') return new PublicSocket(socket);
  if (outcome === 'late') {
    socket.close();
    throw new SocketRefused('nothing came in time', 'Look into the log of the proxy and of the gateways.');
  }
  if (typeof outcome === 'object' && outcome.reason !== '')
    throw new SocketRefused(`the hub refuses it with ${outcome.code} ${outcome.reason}`, refusalTodo(outcome.reason));
  throw new SocketRefused(
    await plainAnswer(url),
    'Let the proxy speak HTTP/1.1 to the gateways, pass Upgrade and Connection on, and send WebSockets to them (deploy/nginx, deploy/haproxy).',
  );
}

function refusalTodo(reason: string): string {
  if (reason.startsWith('TOKEN_EXPIRED'))
    return 'Give gateways and API the same keys (JWT_SECRET, JWT_PUBLIC_KEYS), JWT_ISSUER and JWT_AUDIENCE.';
  if (reason.startsWith('RATE_LIMITED')) return 'Set TRUSTED_PROXY_HOPS: without it all clients are one address.';
  return 'Look into the log of the gateways.';
}

/** What a handshake gets over HTTP, in words: a WebSocket does not show it. */
function plainAnswer(url: string): Promise<string> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'cGFybGV5LWRvY3Rvci0xMg==',
  };
  return new Promise((resolve) => {
    const out = (url.startsWith('https') ? requestHttps : requestHttp)(url, { headers, timeout: OPEN_MS }, (answer) => {
      answer.resume();
      resolve(`the answer is ${answer.statusCode} ${answer.headers['x-websocket-error-code'] ?? ''}`.trim());
    });
    out.once('upgrade', (_answer, line) => {
      line.destroy();
      resolve('the handshake is answered with 101, and then the connection breaks');
    });
    out.once('timeout', () => out.destroy(new Error('no answer in time')));
    out.once('error', (error) => resolve(error.message || 'the connection is refused'));
    out.end();
  });
}
