import type { BackoffOptions } from './backoff.ts';
import { type Environment, globalEnvironment, tabSession } from './environment.ts';
import { type Clock, systemClock } from './timer.ts';
import type { WebSocketConstructor } from './transport.ts';

export interface TokenRequest {
  /** The last token was refused, or is about to end: get a new one, not one that is kept. */
  readonly fresh: boolean;
}

export interface ParleyClientOptions {
  /** `wss://host/ws/chat`. A function is asked at each attempt. */
  readonly url: string | (() => string);
  /**
   * The token to connect with. `null`: nobody is logged in; the client is then `refused` until `connect()` is called again. Where it throws, it is asked
   * again at the next attempt.
   */
  readonly getToken: (request: TokenRequest) => Promise<string | null> | string | null;
  /** The label of this tab, a UUID (H1). Default: kept in `sessionStorage` under `parley.session`; outside of tabs a fresh one. */
  readonly session?: string;
  /** How it comes back after a loss; each member has a default. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Messages that may wait for their `ack`; one more is refused with `QUEUE_FULL`. Default 100. */
  readonly queueMax?: number;
  /** Milliseconds that `join`, `leave`, `history`, `presence` and `online` may take, time without a connection included. Default 15,000. */
  readonly requestTimeoutMs?: number;
  /**
   * Who tells the hub what reached the user (M6). `auto`, the default: the client, for each message it hands over. `manual`: the application, by
   * `delivered()`; until then a message counts as unread and comes again at the next login.
   */
  readonly delivered?: 'auto' | 'manual';
  /** Frames a second, and at once, that it sends: below what the hub takes (F3). Default 15 and 30; `perSecond` 0: no limit. */
  readonly pace?: { readonly perSecond: number; readonly burst: number };

  /** The rest is for tests. */
  readonly WebSocket?: WebSocketConstructor;
  readonly clock?: Clock;
  /** At least 0, below 1. */
  readonly random?: () => number;
  readonly uuid?: () => string;
  readonly environment?: Environment;
}

/** The options with every default in place. */
export interface Settings {
  readonly url: () => string;
  readonly getToken: ParleyClientOptions['getToken'];
  readonly session: string;
  readonly backoff: BackoffOptions;
  readonly queueMax: number;
  readonly requestTimeoutMs: number;
  readonly delivered: 'auto' | 'manual';
  readonly pace: { readonly perSecond: number; readonly burst: number };
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly environment: Environment;
}

export function settingsOf(options: ParleyClientOptions): Settings {
  const { url, environment = globalEnvironment, uuid = randomUuid } = options;
  return {
    url: typeof url === 'string' ? () => url : url,
    getToken: options.getToken,
    session: options.session ?? tabSession(environment.storage, uuid),
    backoff: { baseMs: 2000, capMs: 10_000, tries: Number.POSITIVE_INFINITY, stableMs: 60_000, ...options.backoff },
    queueMax: options.queueMax ?? 100,
    requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    delivered: options.delivered ?? 'auto',
    pace: options.pace ?? { perSecond: 15, burst: 30 },
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    uuid,
    environment,
  };
}

/** RFC 9562, version 4. `crypto.randomUUID` is there in secure contexts only: not on a page that came over plain http. */
export function randomUuid(): string {
  return '00000000-0000-4000-8000-000000000000'.replace(/[08]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (digit === '8' ? (random & 3) | 8 : random & 15).toString(16);
  });
}
