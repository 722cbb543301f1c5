/**
 * The places of a token in a handshake (H2), and the subprotocols that `Sec-WebSocket-Protocol`
 * offers.
 */

/** The subprotocol of this contract. */
const SUBPROTOCOL = 'parley.v1';
/** Offered by clients that want a refusal as a close code instead of an HTTP answer (H5). */
const SUBPROTOCOL_CLOSE = 'parley.v1+close';

/**
 * Offered beside `parley.v1` by clients that get all events of the logs of rooms, not messages
 * alone (M7).
 */
const SUBPROTOCOL_EVENTS = 'parley.v1.events';

const BEARER_ENTRY = 'bearer.';
/** RFC 7235 section 2.1: the scheme is case-insensitive, one or more spaces follow. */
const BEARER_HEADER = /^bearer +(\S+) *$/i;

export interface OfferedProtocols {
  /**
   * The subprotocol to echo in the 101. If both of ours are offered, the one without `+close`.
   * Undefined if none is.
   */
  readonly selected: string | undefined;
  /** The client wants a refusal as a close code (H5). */
  readonly closes: boolean;
  /** The client wants all events of the logs of rooms (M7). */
  readonly wantsEvents: boolean;
  /** The text after `bearer.` in the first such entry. */
  readonly token: string | undefined;
}

/** The places of H2, as the request has them. An empty string counts as absent. */
export interface TokenPlaces {
  /** The `Authorization` header, whole. */
  readonly authorization?: string | undefined;
  /** The token of `parseProtocols`. */
  readonly protocol?: string | undefined;
  /** The path segment, as it stands in the URL. */
  readonly pathSegment?: string | undefined;
  /** The query without its question mark. */
  readonly query?: string | undefined;
}

/**
 * Reads `Sec-WebSocket-Protocol` (RFC 6455 section 11.3.4): entries separated by commas, blanks
 * around them, case kept. Never throws. Unknown entries are ignored.
 */
export function parseProtocols(header: string): OfferedProtocols {
  let plain = false;
  let closes = false;
  let events = false;
  let token: string | undefined;
  for (const part of header.split(',')) {
    const entry = part.trim();
    if (entry === SUBPROTOCOL) plain = true;
    else if (entry === SUBPROTOCOL_CLOSE) closes = true;
    else if (entry === SUBPROTOCOL_EVENTS) events = true;
    else if (token === undefined && entry.length > BEARER_ENTRY.length && entry.startsWith(BEARER_ENTRY))
      token = entry.slice(BEARER_ENTRY.length);
  }
  return { selected: plain ? SUBPROTOCOL : closes ? SUBPROTOCOL_CLOSE : undefined, closes, wantsEvents: plain && events, token };
}

/**
 * Decodes a percent-encoded part of a URL. If the encoding is broken, returns it unchanged: it then
 * fails as a token.
 */
function decoded(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function fromQuery(query: string): string | undefined {
  if (!query.includes('token=')) return undefined;
  for (const pair of query.split('&')) {
    if (pair.length > 6 && pair.startsWith('token=')) return decoded(pair.slice(6));
  }
  return undefined;
}

/**
 * The token of a handshake; undefined if no place has one.
 *
 * The first place with a token wins (H2). If that token is bad, later places are not tried.
 * An `Authorization` header of another scheme has no token.
 */
export function findToken(places: TokenPlaces): string | undefined {
  const { authorization, protocol, pathSegment, query } = places;
  if (authorization) {
    const token = BEARER_HEADER.exec(authorization)?.[1];
    if (token !== undefined) return token;
  }
  if (protocol) return protocol;
  if (pathSegment) return decoded(pathSegment);
  return query ? fromQuery(query) : undefined;
}
