/** Reads and checks the request of a WebSocket handshake (RFC 6455, section 4.2.1). */
import { findToken, type OfferedProtocols, parseProtocols } from '#libs/auth/token-source.ts';
import { withoutBase } from '#libs/config/public-url.ts';
import { faultOf } from '#libs/http/header-lines.ts';
import type { FirstJoin } from '#libs/hub/sessions/connection.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import type { RequestHead } from './uws.ts';

/** The only version of the protocol (RFC 6455, section 4.4). */
const VERSION = '13';
/** 16 bytes in base64. The low four bits of the last letter before the padding are zero. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * The request is no valid handshake. It is answered over HTTP, also if the client asked for
 * refusals by close code: no subprotocol was agreed on.
 */
export class HandshakeFault extends HubError {
  /** The client offers another version only. The answer is 426 and names ours. */
  readonly otherVersion: boolean;

  constructor(message: string, otherVersion = false) {
    super('INVALID_REQUEST', message);
    this.otherVersion = otherVersion;
  }
}

/** Returns why a request is no valid handshake; undefined if it is one. */
export function handshakeFault({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): HandshakeFault | undefined {
  const fault = faultOf(method, headers);
  if (fault !== undefined) return new HandshakeFault(fault);
  if (method !== 'GET' || !headers.lists('upgrade', 'websocket')) return new HandshakeFault('this path takes WebSocket upgrades only');
  if (!headers.lists('connection', 'upgrade')) return new HandshakeFault('the header Connection must list Upgrade');
  if (headers.has('transfer-encoding') || Number(headers.get('content-length')) > 0) return new HandshakeFault('a handshake has no body');
  if (headers.get('sec-websocket-version') !== VERSION) return new HandshakeFault(`Sec-WebSocket-Version must be ${VERSION}`, true);
  if (!KEY.test(headers.get('sec-websocket-key'))) return new HandshakeFault('Sec-WebSocket-Key must be 16 bytes in base64');
  return undefined;
}

/**
 * Status and headers of the answer to another version (RFC 9110, section 15.5.22; RFC 6455, section
 * 4.2.2).
 */
export const OTHER_VERSION = { status: 426, headers: { Upgrade: 'websocket', 'Sec-WebSocket-Version': VERSION } } as const;

/**
 * The parts of a request that the handshake needs. Header fields on several lines are joined to one
 * list.
 */
export interface RawHandshake {
  readonly path: string;
  readonly query: string;
  readonly authorization: string;
  readonly protocols: OfferedProtocols;
  readonly origin: string;
  readonly host: string;
  readonly forwardedFor: string;
  readonly forwardedHost: string;
  readonly key: string;
  readonly extensions: string;
}

/** A handshake, parsed. */
export interface HandshakeRequest {
  readonly token: string | undefined;
  readonly session: string | undefined;
  readonly firstJoin: FirstJoin | undefined;
  /** Whether the client opted in to the feature `events` (M7). */
  readonly wantsEvents: boolean;
  /** Whether the client opted in to the feature `batch` (F9). */
  readonly takesBatches: boolean;
}

const NO_QUERY = new URLSearchParams();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Collects the raw parts of a handshake.
 *
 * @param base The path of `PUBLIC_URL`. It is removed from the request's path: a proxy may pass it
 *   on.
 */
export function readHandshake({ path, query, headers }: RequestHead, base: string): RawHandshake {
  return {
    path: withoutBase(path, base, isSocketPath),
    query,
    authorization: headers.get('authorization'),
    protocols: parseProtocols(headers.get('sec-websocket-protocol')),
    origin: headers.get('origin'),
    host: headers.get('host'),
    forwardedFor: headers.get('x-forwarded-for'),
    forwardedHost: headers.get('x-forwarded-host'),
    key: headers.get('sec-websocket-key'),
    extensions: headers.get('sec-websocket-extensions'),
  };
}

/** Whether a path is one of the WebSocket paths (H1). Any other path is for HTTP. */
export function isSocketPath(path: string): boolean {
  return path === '/ws/chat' || path.startsWith('/chat/') || path.startsWith('/websocket/');
}

/** The pattern of a WebSocket path (H1). A room and a token in it are left out. */
export function routeOf(path: string): string {
  if (path.startsWith('/chat/')) return path.indexOf('/', '/chat/'.length) < 0 ? '/chat/{room}' : '/chat/{room}/{token}';
  return path.startsWith('/websocket/') ? '/websocket/{token}' : '/ws/chat';
}

/**
 * Whether a path is a WebSocket path below `base`, the path of `PUBLIC_URL`. Example: if `base` is
 * `/chat`, then `/chat/` is the page of the hub, and no room.
 */
export function isSocketPathBelow(base: string, path: string): boolean {
  const below = base !== '' && path.startsWith(`${base}/`);
  return isSocketPath(below ? path.slice(base.length) : path);
}

/**
 * Parses path and query (H1, H2).
 *
 * @throws HubError `INVALID_REQUEST` for an unknown path, a bad room name, session or position.
 */
export function parseHandshake(raw: RawHandshake): HandshakeRequest {
  const { room, pathToken } = parsePath(raw.path);
  const query = raw.query === '' ? NO_QUERY : new URLSearchParams(raw.query);
  return {
    token: findToken({ authorization: raw.authorization, protocol: raw.protocols.token, pathSegment: pathToken, query: raw.query }),
    session: sessionOf(query),
    firstJoin: room === undefined ? undefined : { room, since: sinceOf(query) },
    wantsEvents: raw.protocols.wantsEvents,
    takesBatches: raw.protocols.takesBatches,
  };
}

/**
 * The host that the client asked for. Behind proxies it is the last value of `X-Forwarded-Host`, if
 * there is one. No page can make a browser send that header with a handshake.
 *
 * @param hops The number of trusted proxies (`TRUSTED_PROXY_HOPS`).
 */
export function askedHost({ host, forwardedHost }: RawHandshake, hops: number): string {
  const last = hops > 0 ? (forwardedHost.split(',').at(-1) ?? '').trim() : '';
  return last === '' ? host : last;
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
    // The segment stays as it is. No room name has a percent sign, so the check below refuses it.
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
    throw new HubError('INVALID_REQUEST', '`epoch` and `offset` go together, and `offset` must be a whole number');
  }
  return { epoch, offset: Number(offset) };
}
