/**
 * Finds the token in a handshake (H2), and reads the subprotocols that `Sec-WebSocket-Protocol`
 * offers.
 */

/** The subprotocol of SPEC.md. */
const SUBPROTOCOL = 'parley.v1';
/** A client that offers it gets a refusal as a close code instead of an HTTP answer (H5). */
const SUBPROTOCOL_CLOSE = 'parley.v1+close';

/**
 * A client that offers it beside `parley.v1` gets all events of the logs of rooms, not messages
 * alone (M7).
 */
const SUBPROTOCOL_EVENTS = 'parley.v1.events';

/** A client that offers it beside `parley.v1` gets and may send arrays of frames (F9). */
const SUBPROTOCOL_BATCH = 'parley.v1.batch';

const BEARER_ENTRY = 'bearer.';
/** RFC 9110 sections 11.1 and 11.4: the scheme is case-insensitive, one or more spaces follow. */
const BEARER_HEADER = /^bearer +(\S+) *$/i;

/** The contents of `Sec-WebSocket-Protocol`. */
export interface OfferedProtocols {
  /**
   * The subprotocol to echo in the 101: `parley.v1` if it is offered, otherwise `parley.v1+close`
   * if that is, otherwise undefined.
   */
  readonly selected: string | undefined;
  /**
   * True if the client wants a refusal as a close code: it offers `parley.v1+close` (H5), alone or
   * beside `parley.v1`.
   */
  readonly closes: boolean;
  /**
   * True if the client wants all events of the logs of rooms (M7): it offers `parley.v1.events`
   * beside `parley.v1`.
   */
  readonly wantsEvents: boolean;
  /** True if the client takes arrays of frames (F9): it offers `parley.v1.batch` beside `parley.v1`. */
  readonly takesBatches: boolean;
  /** The text after `bearer.` in the first entry that has any; undefined if none has. */
  readonly token: string | undefined;
}

/** The places of H2, as they stand in the request. An empty string counts as absent. */
export interface TokenPlaces {
  /** The whole `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The token of `parseProtocols`. */
  readonly protocol?: string | undefined;
  /** The path segment of the token, still percent-encoded. */
  readonly pathSegment?: string | undefined;
  /** The query without its question mark, still percent-encoded. */
  readonly query?: string | undefined;
}

/**
 * Reads `Sec-WebSocket-Protocol` (RFC 6455 section 11.3.4): entries separated by commas, with
 * blanks around them, case-sensitive. Ignores unknown entries. Never throws.
 */
export function parseProtocols(header: string): OfferedProtocols {
  let plain = false;
  let closes = false;
  let events = false;
  let batch = false;
  let token: string | undefined;
  for (const part of header.split(',')) {
    const entry = part.trim();
    if (entry === SUBPROTOCOL) plain = true;
    else if (entry === SUBPROTOCOL_CLOSE) closes = true;
    else if (entry === SUBPROTOCOL_EVENTS) events = true;
    else if (entry === SUBPROTOCOL_BATCH) batch = true;
    else if (token === undefined && entry.length > BEARER_ENTRY.length && entry.startsWith(BEARER_ENTRY))
      token = entry.slice(BEARER_ENTRY.length);
  }
  return {
    selected: plain ? SUBPROTOCOL : closes ? SUBPROTOCOL_CLOSE : undefined,
    closes,
    wantsEvents: plain && events,
    takesBatches: plain && batch,
    token,
  };
}

/**
 * Decodes a percent-encoded part of a URL. Returns it unchanged if the encoding is broken: such a
 * text then fails as a token.
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
 * Returns the token of a handshake; undefined if no place has one. Never throws.
 *
 * The first place with a token wins (H2). If that token is bad, later places are not tried. An
 * `Authorization` header of another scheme counts as a place without a token.
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
