/** What a handshake asks for, read off the request before the first await: uWS's `req` is gone after it. */
import { findToken, type OfferedProtocols, parseProtocols } from '#libs/auth/token-source.ts';
import type { FirstJoin } from '#libs/hub/connection.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import type { HttpRequest } from './uws.ts';

/** The parts of a request that the handshake needs, copied out. */
export interface RawHandshake {
  readonly path: string;
  readonly query: string;
  readonly authorization: string;
  readonly protocols: OfferedProtocols;
  readonly origin: string;
  readonly host: string;
  readonly forwardedFor: string;
  readonly key: string;
  readonly extensions: string;
}

export interface HandshakeRequest {
  readonly token: string | undefined;
  readonly session: string | undefined;
  readonly firstJoin: FirstJoin | undefined;
}

const NO_QUERY = new URLSearchParams();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function readHandshake(req: HttpRequest): RawHandshake {
  return {
    path: req.getUrl(),
    query: req.getQuery(),
    authorization: req.getHeader('authorization'),
    protocols: parseProtocols(req.getHeader('sec-websocket-protocol')),
    origin: req.getHeader('origin'),
    host: req.getHeader('host'),
    forwardedFor: req.getHeader('x-forwarded-for'),
    key: req.getHeader('sec-websocket-key'),
    extensions: req.getHeader('sec-websocket-extensions'),
  };
}

/** Whether a path is one of H1's: anything else is for HTTP. */
export function isSocketPath(path: string): boolean {
  return path === '/ws/chat' || path.startsWith('/chat/') || path.startsWith('/websocket/');
}

/**
 * Reads path and query (H1, H2).
 * @throws HubError `INVALID_REQUEST`: an unknown path, a bad room name, session or position.
 */
export function parseHandshake(raw: RawHandshake): HandshakeRequest {
  const { room, pathToken } = parsePath(raw.path);
  const query = raw.query === '' ? NO_QUERY : new URLSearchParams(raw.query);
  return {
    token: findToken({ authorization: raw.authorization, protocol: raw.protocols.token, pathSegment: pathToken, query: raw.query }),
    session: sessionOf(query),
    firstJoin: room === undefined ? undefined : { room, since: sinceOf(query) },
  };
}

/** Whether the page that asks is one of ours: browsers always send `Origin`, other clients do not. */
export function originAllowed(raw: RawHandshake, allowed: readonly string[]): boolean {
  if (raw.origin === '' || allowed.includes('*') || allowed.includes(raw.origin)) return true;
  const scheme = raw.origin.indexOf('://');
  return scheme > 0 && raw.origin.slice(scheme + 3) === raw.host;
}

function parsePath(path: string): { readonly room?: string; readonly pathToken?: string } {
  const [, first, second, third, ...rest] = path.split('/');
  if (rest.length > 0 || second === undefined || second === '') throw unknownPath();
  if (first === 'ws' && second === 'chat' && third === undefined) return {};
  if (first === 'websocket' && third === undefined) return { pathToken: second };
  if (first === 'chat') return { room: roomOf(second), ...(third === undefined || third === '' ? {} : { pathToken: third }) };
  throw unknownPath();
}

function unknownPath(): HubError {
  return new HubError('INVALID_REQUEST', 'WebSocket paths are /ws/chat, /chat/{room}, /chat/{room}/{token} and /websocket/{token}');
}

function roomOf(segment: string): string {
  let room = segment;
  try {
    room = decodeURIComponent(segment);
  } catch {
    // Left as it is: a stray percent sign is in no room name.
  }
  if (!isRoomName(room)) throw new HubError('INVALID_REQUEST', 'a room name is 1-128 of A-Z a-z 0-9 . _ ~ - , :');
  return room;
}

function sessionOf(query: URLSearchParams): string | undefined {
  const session = query.get('session');
  if (session === null) return undefined;
  if (!UUID.test(session)) throw new HubError('INVALID_REQUEST', '`session` must be a UUID');
  return session.toLowerCase();
}

function sinceOf(query: URLSearchParams): FirstJoin['since'] {
  const epoch = query.get('epoch');
  const offset = query.get('offset');
  if (epoch === null && offset === null) return undefined;
  if (epoch === null || offset === null || !/^\d{1,15}$/.test(offset)) {
    throw new HubError('INVALID_REQUEST', '`epoch` and `offset` go together, `offset` a whole number');
  }
  return { epoch, offset: Number(offset) };
}
