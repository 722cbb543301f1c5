import type { BackoffOptions } from './backoff.ts';
import { type Environment, globalEnvironment, tabSession } from './environment.ts';
import { type Clock, systemClock } from './timer.ts';
import type { WebSocketConstructor } from './transport.ts';

/** The argument of `getToken`. */
export interface TokenRequest {
  /** True: the last token was refused or ends soon. Get a new one, not one from a cache. */
  readonly fresh: boolean;
}

/**
 * The options of `ParleyClient`. Only `url` and `getToken` are required.
 *
 * @example
 * const getToken = async ({ fresh }) => (await fetch(`/my/token?fresh=${fresh}`)).text(); // your server
 * const client = new ParleyClient({ url: 'wss://chat.example.com/ws/chat', getToken, queueMax: 20 });
 */
export interface ParleyClientOptions {
  /** `wss://host/ws/chat`, or a function that returns it at each attempt. */
  readonly url: string | (() => string);
  /**
   * Returns the token to connect with. `null` means that nobody is logged in: the client is then
   * `refused` until `connect()` is called again. If it throws or rejects, the client asks again at
   * its next attempt. The client awaits the answer, so a page with a token at hand needs no promise.
   */
  readonly getToken: (request: TokenRequest) => Promise<string | null> | string | null;
  /**
   * The label of this tab, a UUID (H1). Default: kept in `sessionStorage` under `parley.session`.
   * Outside of tabs each client makes a fresh one.
   */
  readonly session?: string;
  /** How the client reconnects after a loss. Each member has a default. */
  readonly backoff?: Partial<BackoffOptions>;
  /**
   * Messages that may wait for their `ack`. A further one rejects with `QUEUE_FULL`. Default 100.
   */
  readonly queueMax?: number;
  /**
   * Milliseconds until `join`, `leave`, `history`, `presence`, `online`, `ping` and `refresh`
   * reject with `TIMEOUT`. Time without a connection counts. Default 15,000.
   */
  readonly requestTimeoutMs?: number;
  /**
   * Who tells the hub which messages reached the user (M6). `auto`, the default: the client, for
   * each message that it hands over. `manual`: the application, by `delivered()`. Until then a
   * message is unread and comes again at the next connect.
   */
  readonly delivered?: 'auto' | 'manual';
  /**
   * Frames that the client sends: `perSecond` on average, `burst` at once. Stay below the hub's
   * limits (F3). Default 15 and 30. `perSecond` 0: no limit.
   */
  readonly pace?: { readonly perSecond: number; readonly burst: number };

  /** The members from here on are for tests. */
  readonly WebSocket?: WebSocketConstructor;
  readonly clock?: Clock;
  /** At least 0, below 1. */
  readonly random?: () => number;
  readonly uuid?: () => string;
  readonly environment?: Environment;
}

/** The options, with the default of each that is absent. */
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

/**
 * A UUID of version 4 (RFC 9562). `crypto.randomUUID` exists in secure contexts only, so not on a
 * page that came over plain http.
 */
export function randomUuid(): string {
  return '00000000-0000-4000-8000-000000000000'.replace(/[08]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (digit === '8' ? (random & 3) | 8 : random & 15).toString(16);
  });
}
