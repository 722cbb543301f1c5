/**
 * The WebSocket handshake. The hub decides everything before it sends the 101 (H3, H4). A client
 * that asks for it gets a refusal as a close code instead (H5).
 *
 * Two rules of uWS: `req` is read before the first `await`, and an aborted response is never
 * touched.
 */

import { randomUUID } from 'node:crypto';
import type { Bearer } from '#libs/auth/credentials.ts';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';
import type { Hub } from '#libs/hub/hub.ts';
import type { Admission } from '#libs/hub/hub-options.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { Faults } from '#libs/hub/sessions/faults.ts';
import { FixedWindow } from '#libs/limits/fixed-window.ts';
import { banMembers, banText, closeReason, ERRORS, type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import type { AccessLog } from '#libs/telemetry/access-log.ts';
import { endWith, type Span, type SpanAttributes, type Tracer } from '#libs/telemetry/tracer.ts';
import type { AddressPlace, AddressPlaces } from './address-places.ts';
import { type Answer, AnswerWriter } from './answer.ts';
import {
  askedHost,
  HandshakeFault,
  handshakeFault,
  OTHER_VERSION,
  parseHandshake,
  type RawHandshake,
  readHandshake,
  routeOf,
} from './handshake-request.ts';
import type { SocketGate } from './socket-gate.ts';
import { type HttpRequest, type HttpResponse, type RequestHead, readHead } from './uws.ts';

/**
 * The user data of a socket. uWS copies the members onto the socket and does not keep the object.
 */
export interface SocketData {
  /** The connection; or the refusal with which the socket is closed as soon as it opens. */
  readonly holder: Connection | HubError;
  /** The count of the connection's address. Undefined for a refused connection. */
  readonly place: AddressPlace | undefined;
}

type SocketContext = Parameters<HttpResponse['upgrade']>[4];

/** Options of `Upgrade`. */
export interface UpgradeOptions {
  readonly hub: Hub;
  readonly faults: Faults;
  readonly origins: OriginPolicy;
  /** The path of `PUBLIC_URL`; empty if it has none. */
  readonly basePath: string;
  /** The value of `Strict-Transport-Security` on every answer. Undefined: no such header. */
  readonly transportSecurity: string | undefined;
  readonly trustedProxyHops: number;
  readonly addresses: AddressPlaces;
  /** Handshakes a minute from one address. 0: no limit. */
  readonly handshakesPerMinute: number;
  readonly gate: Pick<SocketGate, 'isFull' | 'logRefusal'>;
  /** Resolves to the bearer of a token. Rejects with `HubError`. */
  verify(token: string): Promise<Bearer>;
  /**
   * Returns the bearer of a token; undefined if only `verify` can tell.
   * @throws HubError, as `verify`.
   */
  verifyLocal(token: string): Bearer | undefined;
  /** Undefined: traces are off. */
  readonly tracer: Tracer | undefined;
  /** Undefined: there is none. */
  readonly accessLog: AccessLog | undefined;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  /** `seconds`: since the request came. */
  accepted(seconds: number): void;
  refused(code: ErrorCode, seconds: number): void;
  handshakeLimited(): void;
}

const SWITCHED = 101;
/** Seconds after which a client that found the node full may retry. */
const FULL_SECONDS = 5;

/** A handshake under way. */
interface Handshake {
  /** When it came, milliseconds of the steady clock. */
  readonly since: number;
  /** The key under which limits by address count it. */
  readonly address: string;
  readonly head: RequestHead;
  readonly raw: RawHandshake;
  readonly context: SocketContext;
  readonly writer: AnswerWriter;
  /** If it is traced. */
  readonly span: Span | undefined;
}

/** What a handshake asks for. */
interface AdmissionRequest extends Omit<Admission, 'bearer'> {
  readonly token: string;
}

function admissionOf(bearer: Bearer, { session, firstJoin, wantsEvents, takesBatches, span }: AdmissionRequest): Admission {
  return { bearer, session, firstJoin, wantsEvents, takesBatches, span };
}

function attributesOf(path: string): SpanAttributes {
  return { 'http.request.method': 'GET', 'http.route': routeOf(path), 'network.protocol.name': 'websocket' };
}

/** Decides about handshakes and answers them. */
export class Upgrade {
  readonly #options: UpgradeOptions;
  readonly #limiter: FixedWindow;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#limiter = new FixedWindow({ limit: options.handshakesPerMinute, windowMs: 60_000 });
  }

  /**
   * Handles an upgrade request. A decision without I/O is answered inside uWS's parser, which sends
   * the whole 101 with one system call. A later decision is answered outside of any cork:
   * uWebSockets.js 20 reads freed memory if an upgrade is done in a cork of its own, and sometimes
   * closes the new socket then.
   */
  handle(res: HttpResponse, req: HttpRequest, context: SocketContext): void {
    const since = this.#options.steady();
    const head = readHead(res, req);
    const raw = readHandshake(head, this.#options.basePath);
    const address = addressKey(clientAddress(head.peer, raw.forwardedFor, this.#options.trustedProxyHops));
    const handshake: Handshake = {
      since,
      address,
      head,
      raw,
      context,
      writer: new AnswerWriter(res, head, this.#options.transportSecurity),
      span: this.#options.tracer?.begin(`GET ${routeOf(raw.path)}`, 'server', attributesOf(raw.path), since),
    };
    try {
      const request = this.#check(handshake);
      const bearer = this.#verifyLocal(request);
      if (bearer !== undefined && this.#entersByName(bearer, request)) {
        this.#accept(res, handshake, admissionOf(bearer, request));
        return;
      }
      this.#ask(request, bearer).then(
        (admission) => {
          if (!handshake.writer.ended) this.#acceptOrRefuse(res, handshake, admission);
        },
        (error: unknown) => {
          if (!handshake.writer.ended) this.#refuse(res, handshake, error);
        },
      );
    } catch (error) {
      this.#refuse(res, handshake, error);
    }
  }

  /** Refuses a request that uWS does not treat as an upgrade, on a WebSocket path (H4). */
  refuseHttp(res: HttpResponse, req: HttpRequest): void {
    const head = readHead(res, req);
    const refusal = this.#options.hub.draining
      ? new HubError('DRAINING', undefined, { retryAfter: RETRY_SECONDS })
      : (handshakeFault(head) ?? new HandshakeFault('this path takes WebSocket upgrades only'));
    this.#options.refused(refusal.code, 0);
    new AnswerWriter(res, head, this.#options.transportSecurity).write(answerOf(refusal));
  }

  /**
   * Checks all of a handshake but its token. Returns what it asks for.
   * @throws HubError if the handshake is refused.
   */
  #check(handshake: Handshake): AdmissionRequest {
    const { hub } = this.#options;
    const { since, address, head, raw } = handshake;
    const wait = this.#limiter.take(address, since);
    if (wait > 0) {
      this.#options.handshakeLimited();
      throw new HubError('RATE_LIMITED', 'too many handshakes from this address', { retryAfter: wait });
    }
    hub.assertReady();
    this.#assertPlace(handshake);
    const fault = handshakeFault(head);
    if (fault !== undefined) throw fault;
    const { token, session = randomUUID(), firstJoin, wantsEvents, takesBatches } = parseHandshake(raw);
    this.#assertOrigin(raw);
    if (token === undefined) throw new HubError('MISSING_TOKEN');
    return { token, session, firstJoin, wantsEvents, takesBatches, span: handshake.span };
  }

  /** As `UpgradeOptions.verifyLocal`. */
  #verifyLocal({ token, span }: AdmissionRequest): Bearer | undefined {
    const step = span?.child('token', 'internal');
    try {
      return this.#options.verifyLocal(token);
    } finally {
      step?.end();
    }
  }

  /**
   * Returns true if the handshake joins no room, or one whose name lets the bearer in.
   * @throws HubError if the name of the room refuses the bearer.
   */
  #entersByName(bearer: Bearer, { firstJoin }: AdmissionRequest): boolean {
    return firstJoin === undefined || this.#options.hub.entersByName(bearer, firstJoin.room);
  }

  /**
   * Asks the key set, the store or both about a handshake. Rejects with `HubError` if it is
   * refused.
   *
   * @param local The bearer, if a local key has decided.
   */
  async #ask(request: AdmissionRequest, local: Bearer | undefined): Promise<Admission> {
    const { hub, verify } = this.#options;
    const { token, firstJoin, span } = request;
    const bearer = local ?? (await endWith(span?.child('key set', 'internal'), verify(token)));
    if (firstJoin === undefined || this.#entersByName(bearer, request)) return admissionOf(bearer, request);
    await endWith(span?.child('membership', 'internal'), hub.assertMayEnter(bearer, firstJoin.room));
    // The token is verified again after the wait. A logout or a ban meanwhile found no connection
    // to close.
    return admissionOf(await verify(token), request);
  }

  /**
   * Checks the `Origin` that browsers always send. Other clients may leave it out.
   * @throws HubError `ORIGIN_DENIED`.
   */
  #assertOrigin(raw: RawHandshake): void {
    const { origins, trustedProxyHops } = this.#options;
    if (raw.origin === '') return;
    const host = askedHost(raw, trustedProxyHops);
    if (!origins.allows(raw.origin, host)) throw origins.refusal(raw.origin, host);
  }

  /**
   * Checks that there is room for the connection: before the token is verified, and again right
   * before the 101.
   * @throws HubError `OVERLOADED` or `RATE_LIMITED`.
   */
  #assertPlace({ address, raw }: Handshake): void {
    const { gate } = this.#options;
    if (gate.isFull) {
      gate.logRefusal();
      throw new HubError('OVERLOADED', undefined, { retryAfter: FULL_SECONDS });
    }
    this.#options.addresses.assertPlace(address, raw.forwardedFor !== '' && this.#options.trustedProxyHops === 0);
  }

  #acceptOrRefuse(res: HttpResponse, handshake: Handshake, admission: Admission): void {
    try {
      this.#accept(res, handshake, admission);
    } catch (error) {
      this.#refuse(res, handshake, error);
    }
  }

  #accept(res: HttpResponse, handshake: Handshake, admission: Admission): void {
    const { since, address, raw, context, span } = handshake;
    this.#assertPlace(handshake);
    const connection = this.#options.hub.admit(admission);
    this.#switch(res, raw, context, { holder: connection, place: this.#options.addresses.enter(address) });
    span?.set({ 'http.response.status_code': SWITCHED });
    this.#log(handshake, SWITCHED, undefined, admission.bearer);
    this.#options.accepted((this.#options.steady() - since) / 1000);
  }

  #refuse(res: HttpResponse, handshake: Handshake, error: unknown): void {
    const { since, head, raw, context, writer, span } = handshake;
    const refusal = error instanceof HandshakeFault ? error : asRefusal(this.#options.faults.report(error));
    span?.set({ 'http.response.status_code': statusOf(refusal) });
    span?.fail(refusal.code);
    span?.end();
    this.#log(handshake, statusOf(refusal), refusal.code);
    this.#options.refused(refusal.code, (this.#options.steady() - since) / 1000);
    // A request that was refused early may be no valid handshake. Such a request is answered over
    // HTTP. So is the refusal of a node that leaves: a proxy then asks another node.
    if (raw.protocols.closes && refusal.code !== 'DRAINING' && handshakeFault(head) === undefined) {
      this.#switch(res, raw, context, { holder: refusal, place: undefined });
    } else writer.write(answerOf(refusal));
  }

  /** Writes the line of a handshake: its pattern alone, for its path may have the token. */
  #log({ since, address, raw, span }: Handshake, status: number, code: ErrorCode | undefined, bearer?: Bearer): void {
    this.#options.accessLog?.answered({
      request: randomUUID(),
      method: 'GET',
      route: routeOf(raw.path),
      status,
      code,
      ms: this.#options.steady() - since,
      kind: bearer?.kind,
      user: bearer?.userId,
      address,
      trace: span?.traceId,
    });
  }

  /**
   * Sends the 101. A cork writes our own header first; the upgrade itself is done outside of it.
   */
  #switch(res: HttpResponse, raw: RawHandshake, context: SocketContext, data: SocketData): void {
    const { transportSecurity } = this.#options;
    if (transportSecurity !== undefined) {
      res.cork(() => {
        res.writeStatus('101 Switching Protocols');
        res.writeHeader('Strict-Transport-Security', transportSecurity);
      });
    }
    res.upgrade<SocketData>(data, raw.key, raw.protocols.selected ?? '', raw.extensions, context);
  }
}

/**
 * Maps an error to one that may refuse a handshake. Errors without a close code become `FORBIDDEN`,
 * or `UNAVAILABLE` with seconds to wait if a retry can help.
 */
function asRefusal({ code, message, retryable, retryAfter, ban }: HubError): HubError {
  const known = ERRORS[code].close > 0;
  if (!retryable) return new HubError(known ? code : 'FORBIDDEN', message, { ...(ban && { ban }) });
  return new HubError(known ? code : 'UNAVAILABLE', message, { retryAfter: retryAfter ?? RETRY_SECONDS });
}

/**
 * The close code and reason of a refusal after the 101 (H5). The reason is the name of the error's
 * code; for a rate limit also the seconds to wait, for a ban its end and reason.
 */
export function closeOf(refusal: HubError): { readonly code: number; readonly reason: string } {
  const { code, retryAfter, ban } = refusal;
  const addition = code === 'RATE_LIMITED' ? (retryAfter ?? 1) : ban && banText(ban);
  return { code: ERRORS[code].close, reason: closeReason(code, addition) };
}

function statusOf(refusal: HubError): number {
  return refusal instanceof HandshakeFault && refusal.otherVersion ? OTHER_VERSION.status : ERRORS[refusal.code].status;
}

/** The HTTP answer of a refusal (H4). */
function answerOf(refusal: HubError): Answer {
  const { code, message, retryAfter, ban } = refusal;
  const other = refusal instanceof HandshakeFault && refusal.otherVersion ? OTHER_VERSION : undefined;
  return {
    status: statusOf(refusal),
    headers: {
      'X-WebSocket-Error-Code': code,
      'X-WebSocket-Error-Message': message,
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfter)) }),
      ...other?.headers,
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
    },
    body: JSON.stringify({ code, message, ...banMembers(ban) }),
  };
}
