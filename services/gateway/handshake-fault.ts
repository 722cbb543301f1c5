/** What makes a request a WebSocket handshake at all (RFC 6455 section 4.2.1): uWS looks at less of it. */
import { faultOf } from '#libs/http/header-lines.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { RequestHead } from './request-head.ts';

/** The one version there is (RFC 6455 section 4.4). */
const VERSION = '13';
/** 16 bytes in base64: of the last letter before the padding the low four bits are zero. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** No handshake: told over HTTP whatever subprotocol is offered, for nothing was agreed on. */
export class HandshakeFault extends HubError {
  /** Only another version is spoken here: 426, and which one. */
  readonly otherVersion: boolean;

  constructor(message: string, otherVersion = false) {
    super('INVALID_REQUEST', message);
    this.otherVersion = otherVersion;
  }
}

/** Why a request is no handshake; undefined where it is one. */
export function handshakeFault({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): HandshakeFault | undefined {
  const fault = faultOf(method, headers);
  if (fault !== undefined) return new HandshakeFault(fault);
  if (method !== 'GET' || !headers.lists('upgrade', 'websocket')) return new HandshakeFault('this path takes WebSocket upgrades only');
  if (!headers.lists('connection', 'upgrade')) return new HandshakeFault('the header Connection must list Upgrade');
  if (headers.has('transfer-encoding') || Number(headers.get('content-length')) > 0) return new HandshakeFault('a handshake has no body');
  if (headers.get('sec-websocket-version') !== VERSION) return new HandshakeFault(`the one Sec-WebSocket-Version is ${VERSION}`, true);
  if (!KEY.test(headers.get('sec-websocket-key'))) return new HandshakeFault('Sec-WebSocket-Key must be 16 bytes in base64');
  return undefined;
}

/** What goes with the 426 (RFC 9110 section 15.5.22, RFC 6455 section 4.2.2). */
export const OTHER_VERSION = { status: 426, headers: { Upgrade: 'websocket', 'Sec-WebSocket-Version': VERSION } } as const;
