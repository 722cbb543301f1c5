/**
 * The handshake: everything is decided before the 101 (H3, H4). A client that asks for it is told by a close code instead (H5).
 *
 * uWS's rules are kept here: `req` is read before the first await, and an aborted response is never touched.
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
import { closeReason, ERRORS, type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
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
} from './handshake-request.ts';
import type { SocketGate } from './socket-gate.ts';
import { type HttpRequest, type HttpResponse, type RequestHead, readHead } from './uws.ts';

/** What hangs on a socket. uWS copies the members onto the socket and does not keep the object. */
export interface SocketData {
  /** Its connection, or why it is closed as soon as it is open. */
  readonly holder: Connection | HubError;
  /** Where the connection is counted; undefined for one that is refused. */
  readonly place: AddressPlace | undefined;
}

type SocketContext = Parameters<HttpResponse['upgrade']>[4];

export interface UpgradeOptions {
  readonly hub: Hub;
  readonly faults: Faults;
  readonly origins: OriginPolicy;
  /** The path of `PUBLIC_URL`; empty where it has none. */
  readonly basePath: string;
  /** `Strict-Transport-Security` of every answer; none where undefined. */
  readonly transportSecurity: string | undefined;
  readonly trustedProxyHops: number;
  readonly addresses: AddressPlaces;
  /** 0: no limit. */
  readonly handshakesPerMinute: number;
  readonly gate: Pick<SocketGate, 'isFull' | 'tell'>;
  /** Throws or rejects with `HubError`. At once where it can. */
  verify(token: string): Bearer | Promise<Bearer>;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  accepted(): void;
  refused(code: ErrorCode): void;
  handshakeLimited(): void;
}

/** Seconds that whoever finds the node full stays away. */
const FULL_SECONDS = 5;

/** A handshake as it came. */
interface Asking {
  /** What limits by address count it under. */
  readonly address: string;
  readonly head: RequestHead;
  readonly raw: RawHandshake;
  readonly context: SocketContext;
  readonly writer: AnswerWriter;
}

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
    const head = readHead(res, req);
    const raw = readHandshake(head, this.#options.basePath);
    const address = addressKey(clientAddress(head.peer, raw.forwardedFor, this.#options.trustedProxyHops));
    const asking: Asking = { address, head, raw, context, writer: new AnswerWriter(res, head, this.#options.transportSecurity) };
    try {
      const decision = this.#decide(asking);
      if (!(decision instanceof Promise)) {
        this.#accept(res, asking, decision);
        return;
      }
      decision.then(
        (admission) => {
          if (!asking.writer.ended) this.#acceptOrRefuse(res, asking, admission);
        },
        (error: unknown) => {
          if (!asking.writer.ended) this.#refuse(res, asking, error);
        },
      );
    } catch (error) {
      this.#refuse(res, asking, error);
    }
  }

  /** Refuses a request that uWS takes for no upgrade, on a path that takes only those (H4). */
  refuseHttp(res: HttpResponse, req: HttpRequest): void {
    const head = readHead(res, req);
    const refusal = this.#options.hub.draining
      ? new HubError('DRAINING', undefined, { retryAfter: RETRY_SECONDS })
      : (handshakeFault(head) ?? new HandshakeFault('this path takes WebSocket upgrades only'));
    this.#options.refused(refusal.code);
    new AnswerWriter(res, head, this.#options.transportSecurity).write(answerOf(refusal));
  }

  /** Who comes, and where to. @throws HubError; a promise only where somebody else has to be asked. */
  #decide(asking: Asking): Admission | Promise<Admission> {
    const { hub, verify, steady } = this.#options;
    const { address, head, raw } = asking;
    const wait = this.#limiter.take(address, steady());
    if (wait > 0) {
      this.#options.handshakeLimited();
      throw new HubError('RATE_LIMITED', 'too many handshakes from this address', { retryAfter: wait });
    }
    hub.assertReady();
    this.#assertPlace(asking);
    const fault = handshakeFault(head);
    if (fault !== undefined) throw fault;
    const request = parseHandshake(raw);
    this.#assertOrigin(raw);
    if (request.token === undefined) throw new HubError('MISSING_TOKEN');
    const { session = randomUUID(), firstJoin, wantsEvents, token } = request;
    const admission = (bearer: Bearer): Admission | Promise<Admission> => {
      const entered = firstJoin === undefined ? undefined : hub.assertMayEnter(bearer, firstJoin.room);
      if (!(entered instanceof Promise)) return { bearer, session, firstJoin, wantsEvents };
      // What was asked took its time: a logout or a ban meanwhile found no connection to close.
      return entered.then(() => verify(token)).then((still) => ({ bearer: still, session, firstJoin, wantsEvents }));
    };
    const bearer = verify(request.token);
    return bearer instanceof Promise ? bearer.then(admission) : admission(bearer);
  }

  /** Browsers always send `Origin`, other clients do not. @throws HubError `ORIGIN_DENIED`. */
  #assertOrigin(raw: RawHandshake): void {
    const { origins, trustedProxyHops } = this.#options;
    if (raw.origin === '') return;
    const host = askedHost(raw, trustedProxyHops);
    if (!origins.allows(raw.origin, host)) throw origins.refusal(raw.origin, host);
  }

  /** Asked before anything is verified, and again once that took its time. @throws HubError `OVERLOADED`, `RATE_LIMITED`. */
  #assertPlace({ address, raw }: Asking): void {
    const { gate } = this.#options;
    if (gate.isFull) {
      gate.tell();
      throw new HubError('OVERLOADED', undefined, { retryAfter: FULL_SECONDS });
    }
    this.#options.addresses.assertPlace(address, raw.forwardedFor !== '' && this.#options.trustedProxyHops === 0);
  }

  #acceptOrRefuse(res: HttpResponse, asking: Asking, admission: Admission): void {
    try {
      this.#accept(res, asking, admission);
    } catch (error) {
      this.#refuse(res, asking, error);
    }
  }

  #accept(res: HttpResponse, asking: Asking, admission: Admission): void {
    const { address, raw, context } = asking;
    this.#assertPlace(asking);
    const connection = this.#options.hub.admit(admission);
    this.#options.accepted();
    this.#switch(res, raw, context, { holder: connection, place: this.#options.addresses.enter(address) });
  }

  #refuse(res: HttpResponse, { head, raw, context, writer }: Asking, error: unknown): void {
    const refusal = error instanceof HandshakeFault ? error : asRefusal(this.#options.faults.report(error));
    this.#options.refused(refusal.code);
    // What was refused before it was looked at may be no handshake.
    if (raw.protocols.closes && handshakeFault(head) === undefined) {
      this.#switch(res, raw, context, { holder: refusal, place: undefined });
    } else writer.write(answerOf(refusal));
  }

  /** The 101. Its own header goes ahead in a cork, the upgrade itself is done outside of it. */
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

/** What a handshake may be refused with: a room that is closed is not open to anybody, and whoever is to come again is told when. */
function asRefusal({ code, message, retryable, retryAfter }: HubError): HubError {
  const known = ERRORS[code].close > 0;
  if (!retryable) return new HubError(known ? code : 'FORBIDDEN', message);
  return new HubError(known ? code : 'UNAVAILABLE', message, { retryAfter: retryAfter ?? RETRY_SECONDS });
}

/** The close code and reason of a refusal told after the 101 (H5): the code's name, and for a rate limit the seconds to wait. */
export function closeOf(refusal: HubError): { readonly code: number; readonly reason: string } {
  const { code, retryAfter } = refusal;
  return { code: ERRORS[code].close, reason: closeReason(code, code === 'RATE_LIMITED' ? (retryAfter ?? 1) : undefined) };
}

/** A refusal as H4 has it. */
function answerOf(refusal: HubError): Answer {
  const { code, message, retryAfter } = refusal;
  const other = refusal instanceof HandshakeFault && refusal.otherVersion ? OTHER_VERSION : undefined;
  return {
    status: other?.status ?? ERRORS[code].status,
    headers: {
      'X-WebSocket-Error-Code': code,
      'X-WebSocket-Error-Message': message,
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfter)) }),
      ...other?.headers,
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
    },
    body: JSON.stringify({ code, message }),
  };
}
