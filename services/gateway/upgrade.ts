/**
 * The handshake: everything is decided before the 101 (H3, H4). A client that asks for it is told by a close code instead (H5).
 *
 * uWS's rules are kept here: `req` is read before the first await, `onAborted` is registered before it, an answer written after it is corked, and an
 * aborted response is never touched.
 */
import { randomUUID } from 'node:crypto';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { Connection, Identity } from '#libs/hub/connection.ts';
import type { Faults } from '#libs/hub/faults.ts';
import { FixedWindow } from '#libs/hub/fixed-window.ts';
import type { Admission, Hub } from '#libs/hub/hub.ts';
import { ERRORS, type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import { clientAddress } from './client-address.ts';
import { askedHost, parseHandshake, type RawHandshake, readHandshake } from './handshake-request.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

/**
 * What hangs on a socket: its connection, or why it is closed as soon as it is open. One member on purpose: uWS copies the members of its user data
 * onto the socket and does not keep the object.
 */
export interface SocketData {
  readonly holder: Connection | HubError;
}

type SocketContext = Parameters<HttpResponse['upgrade']>[4];

export interface UpgradeOptions {
  readonly hub: Hub;
  readonly faults: Faults;
  readonly origins: OriginPolicy;
  /** The path of `PUBLIC_URL`; empty where it has none. */
  readonly basePath: string;
  readonly trustedProxyHops: number;
  /** 0: no limit. */
  readonly handshakesPerMinute: number;
  /** Connections of this node; 0: no limit. */
  readonly connectionsMax: number;
  /** Throws or rejects with `HubError`. At once where it can. */
  verify(token: string): Identity | Promise<Identity>;
  readonly now: () => number;
  accepted(): void;
  refused(code: ErrorCode): void;
  handshakeLimited(): void;
}

/** Seconds that whoever finds the node full stays away; and where nothing better is known. */
const FULL_SECONDS = 5;
const RETRY_SECONDS = 2;

/** The reason phrases of RFC 9110 for the statuses of the error table. */
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

export class Upgrade {
  readonly #options: UpgradeOptions;
  readonly #limiter: FixedWindow;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#limiter = new FixedWindow({ limit: options.handshakesPerMinute, windowMs: 60_000 });
  }

  /**
   * The upgrade handler. What can be decided at once is answered inside uWS's parser, which sends the whole 101 with one system call. A decision that
   * takes longer is answered outside of any cork: uWebSockets.js 20 reads freed memory where an upgrade is done in a cork of its own, and then closes
   * the new socket now and then.
   */
  handle(res: HttpResponse, req: HttpRequest, context: SocketContext): void {
    const raw = readHandshake(req, this.#options.basePath);
    const address = clientAddress(Buffer.from(res.getRemoteAddressAsText()).toString(), raw.forwardedFor, this.#options.trustedProxyHops);
    try {
      const decision = this.#decide(raw, address);
      if (!(decision instanceof Promise)) {
        this.#accept(res, raw, context, decision);
        return;
      }
      const state = { aborted: false };
      res.onAborted(() => {
        state.aborted = true;
      });
      decision.then(
        (admission) => {
          if (!state.aborted) this.#acceptOrRefuse(res, raw, context, admission);
        },
        (error: unknown) => {
          if (!state.aborted) this.#refuse(res, raw, context, error);
        },
      );
    } catch (error) {
      this.#refuse(res, raw, context, error);
    }
  }

  /** Refuses a request that is no upgrade, on a path that takes only those (H4). */
  refuseHttp(res: HttpResponse): void {
    this.#options.refused('INVALID_REQUEST');
    writeRefusal(res, new HubError('INVALID_REQUEST', 'this path takes WebSocket upgrades only'));
  }

  /** Who comes, and where to. @throws HubError; a promise only where somebody else has to be asked. */
  #decide(raw: RawHandshake, address: string): Admission | Promise<Admission> {
    const { hub, verify, now } = this.#options;
    const wait = this.#limiter.take(address, now());
    if (wait > 0) {
      this.#options.handshakeLimited();
      throw new HubError('RATE_LIMITED', 'too many handshakes from this address', { retryAfter: wait });
    }
    hub.assertReady();
    this.#assertPlace();
    const request = parseHandshake(raw);
    this.#assertOrigin(raw);
    if (request.token === undefined) throw new HubError('MISSING_TOKEN');
    const { session = randomUUID(), firstJoin, token } = request;
    const admission = (identity: Identity): Admission | Promise<Admission> => {
      const entered = firstJoin === undefined ? undefined : hub.assertMayEnter(identity, firstJoin.room);
      if (!(entered instanceof Promise)) return { identity, session, firstJoin };
      // What was asked took its time: a logout or a ban meanwhile found no connection to close.
      return entered.then(() => verify(token)).then((still) => ({ identity: still, session, firstJoin }));
    };
    const identity = verify(request.token);
    return identity instanceof Promise ? identity.then(admission) : admission(identity);
  }

  /** Browsers always send `Origin`, other clients do not. @throws HubError `ORIGIN_DENIED`. */
  #assertOrigin(raw: RawHandshake): void {
    const { origins, trustedProxyHops } = this.#options;
    if (raw.origin === '') return;
    const host = askedHost(raw, trustedProxyHops);
    if (!origins.allows(raw.origin, host)) throw origins.refusal(raw.origin, host);
  }

  /** Asked before anything is verified, and again once that took its time. @throws HubError `OVERLOADED`. */
  #assertPlace(): void {
    const { connectionsMax, hub } = this.#options;
    if (connectionsMax > 0 && hub.connections >= connectionsMax) throw new HubError('OVERLOADED', undefined, { retryAfter: FULL_SECONDS });
  }

  #acceptOrRefuse(res: HttpResponse, raw: RawHandshake, context: SocketContext, admission: Admission): void {
    try {
      this.#accept(res, raw, context, admission);
    } catch (error) {
      this.#refuse(res, raw, context, error);
    }
  }

  #accept(res: HttpResponse, raw: RawHandshake, context: SocketContext, admission: Admission): void {
    this.#assertPlace();
    const connection = this.#options.hub.admit(admission);
    this.#options.accepted();
    res.upgrade<SocketData>({ holder: connection }, raw.key, raw.protocols.selected ?? '', raw.extensions, context);
  }

  #refuse(res: HttpResponse, raw: RawHandshake, context: SocketContext, error: unknown): void {
    const refusal = asRefusal(this.#options.faults.told(error));
    this.#options.refused(refusal.code);
    if (raw.protocols.closes && raw.key !== '') {
      res.upgrade<SocketData>({ holder: refusal }, raw.key, raw.protocols.selected ?? '', raw.extensions, context);
    } else res.cork(() => writeRefusal(res, refusal));
  }
}

/** What a handshake may be refused with: a room that is closed is not open to anybody, and whoever is to come again is told when. */
function asRefusal({ code, message, retryable, retryAfter }: HubError): HubError {
  const known = ERRORS[code].close > 0;
  if (!retryable) return new HubError(known ? code : 'FORBIDDEN', message);
  return new HubError(known ? code : 'UNAVAILABLE', message, { retryAfter: retryAfter ?? RETRY_SECONDS });
}

/** The close code and reason of a refusal told after the 101 (H5): the code's name, and for a rate limit the seconds to wait. */
export function closeOf(refusal: HubError): { readonly code: number; readonly reason: string } {
  const { code, retryAfter } = refusal;
  return { code: ERRORS[code].close, reason: code === 'RATE_LIMITED' ? `${code} ${retryAfter ?? 1}` : code };
}

function writeRefusal(res: HttpResponse, refusal: HubError): void {
  const { status } = ERRORS[refusal.code];
  res.writeStatus(`${status} ${PHRASES[status] ?? 'Error'}`);
  res.writeHeader('X-WebSocket-Error-Code', refusal.code);
  res.writeHeader('X-WebSocket-Error-Message', refusal.message);
  if (refusal.retryAfter !== undefined) res.writeHeader('Retry-After', String(Math.ceil(refusal.retryAfter)));
  res.writeHeader('Content-Type', 'application/json');
  res.writeHeader('Cache-Control', 'no-store');
  res.end(JSON.stringify({ code: refusal.code, message: refusal.message }));
}
