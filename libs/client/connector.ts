import type { ClientFrame, ServerFrame, WelcomeFrame } from '#libs/protocol/frame-types.ts';
import { backoffMs } from './backoff.ts';
import { wordsOf } from './client-error.ts';
import type { Settings } from './client-options.ts';
import { ClientState, type ClientStatus, type StatusReason } from './client-status.ts';
import type { EnvironmentSignal } from './environment.ts';
import { Liveness } from './liveness.ts';
import { Timer } from './timer.ts';
import { Transport, type TransportEnd } from './transport.ts';

/** An attempt without a `welcome` is given up after this time, milliseconds. */
const ATTEMPT_MS = 20_000;
/** A token that ends within this time is renewed before it is used, milliseconds. */
const TOKEN_MARGIN_MS = 30_000;

export interface ConnectorHandlers {
  status(status: ClientStatus): void;
  frame(frame: ServerFrame): void;
  up(welcome: WelcomeFrame): void;
  /** The connection is lost. Another one may follow. */
  down(): void;
  /** The connection is over. None follows unless `start` is called. */
  ended(reason: StatusReason): void;
}

/** What `getToken` throws if the hub refused the token with `BANNED` (A17): it ends the client. */
interface ThrownBan {
  readonly code?: unknown;
  readonly until?: number;
  readonly reason?: string;
}

/** One attempt, and the connection that it makes. */
interface Current {
  line?: Transport;
  welcomed?: boolean;
}

/**
 * Keeps one connection to the hub: connects, notices the end, and does what the close code asks for
 * (C).
 */
export class Connector {
  readonly #settings: Settings;
  readonly #handlers: ConnectorHandlers;
  readonly #wait: Timer;
  readonly #patience: Timer;
  readonly #stable: Timer;
  readonly #liveness: Liveness;
  #status: ClientStatus = { state: ClientState.connecting, attempt: 0 };
  /** The present attempt or connection. Once it is over, this is another object or undefined. */
  #current: Current | undefined;
  #stopListening: (() => void) | undefined;
  #reason: StatusReason | undefined;
  #attempt = 0;
  /** Refused tokens since the last stable connection, and whether the last token was refused. */
  #refusals = 0;
  #tokenRefused = false;
  /** Unix milliseconds. */
  #tokenEnds = Number.POSITIVE_INFINITY;
  /** The hub asked for this wait. */
  #obeys = false;
  /** Seconds, from the `draining` frame. */
  #reconnectIn: number | undefined;
  /** The reason in `kicked`, in full: the close reason may be cut. */
  #kickedBy: string | undefined;

  constructor(settings: Settings, handlers: ConnectorHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
    const { clock } = settings;
    this.#wait = new Timer(clock, () => this.#try());
    this.#patience = new Timer(clock, () => this.#lost({ code: 'NETWORK', message: 'no welcome came in time' }));
    this.#stable = new Timer(clock, () => {
      this.#attempt = 0;
      this.#refusals = 0;
    });
    this.#liveness = new Liveness(clock, {
      ping: () => this.send({ type: 'ping' }),
      dead: () => this.#lost({ code: 'SILENT' }),
    });
  }

  get status(): ClientStatus {
    return this.#status;
  }

  get up(): boolean {
    return this.#current?.welcomed === true;
  }

  /** Begins, also after an end. Does nothing if it is under way. */
  start(): void {
    if (this.#stopListening !== undefined) return;
    this.#stopListening = this.#settings.environment.listen((signal) => this.#told(signal));
    this.#attempt = 0;
    this.#refusals = 0;
    this.#tokenRefused = false;
    this.#reason = undefined;
    this.#try();
  }

  /** Ends for good. */
  stop(reason: StatusReason): void {
    this.#end(ClientState.closed, reason);
  }

  retryNow(): void {
    if (this.#wait.due !== undefined) this.#try();
  }

  /** Sends a frame. Does nothing without a connection. */
  send(frame: ClientFrame): void {
    if (this.up) this.#current?.line?.send(frame);
  }

  /** Sets the end of the token in use, Unix seconds. */
  tokenEnds(expiresAt: number): void {
    this.#tokenEnds = expiresAt * 1000;
  }

  #try(): void {
    this.#wait.stop();
    const current: Current = {};
    this.#current = current;
    this.#reconnectIn = undefined;
    this.#kickedBy = undefined;
    this.#attempt += 1;
    this.#patience.start(ATTEMPT_MS);
    this.#tell(this.#reason === undefined ? ClientState.connecting : ClientState.reconnecting);
    if (this.#current === current) void this.#open(current);
  }

  async #open(current: Current): Promise<void> {
    const settings = this.#settings;
    const isCurrent = (): boolean => this.#current === current;
    let token: string | null;
    try {
      token = await settings.getToken({ fresh: this.#tokenRefused || this.#tokenEnds - settings.clock.now() < TOKEN_MARGIN_MS });
    } catch (error) {
      if (!isCurrent()) return;
      const { code, until, reason } = Object(error) as ThrownBan;
      if (code === 'BANNED') this.#ended({ code: 4510, reason: `${code} ${until} ${reason ?? ''}` });
      else this.#lost({ code: 'NO_TOKEN', message: wordsOf(error) });
      return;
    }
    if (!isCurrent()) return;
    if (!token) {
      this.#end(ClientState.refused, { code: 'MISSING_TOKEN' });
      return;
    }
    try {
      const url = new URL(settings.url());
      url.searchParams.set('session', settings.session);
      current.line = new Transport(settings, url.href, token, {
        frame: (frame) => this.#frame(current, frame),
        ended: (end) => this.#ended(end),
      });
    } catch (error) {
      this.#end(ClientState.refused, { code: 'INVALID_REQUEST', message: wordsOf(error) });
    }
  }

  #frame(current: Current, frame: ServerFrame): void {
    this.#liveness.heard();
    if (frame.type === 'draining') this.#reconnectIn = frame.reconnectIn;
    if (frame.type === 'kicked') this.#kickedBy = frame.by;
    if (frame.type !== 'welcome') {
      this.#handlers.frame(frame);
      return;
    }
    current.welcomed = true;
    this.#patience.stop();
    this.#stable.start(this.#settings.backoff.stableMs);
    this.#liveness.start(frame.heartbeat);
    this.#tokenRefused = false;
    this.#tokenEnds = frame.expiresAt * 1000;
    this.#reason = undefined;
    this.#set(ClientState.connected);
    this.#handlers.up(frame);
    if (this.#current === current) this.#handlers.status(this.#status);
  }

  #ended(end: TransportEnd): void {
    const words = this.#kickedBy === undefined ? {} : { message: this.#kickedBy };
    this.#lost({ ...reasonOf(end), ...words }, closeAction(end, this.#reconnectIn));
  }

  /** The connection or the attempt is over. */
  #lost(reason: StatusReason, verdict: CloseAction = { action: 'back-off' }): void {
    this.#obeys = verdict.action === 'wait';
    switch (verdict.action) {
      case 'back-off':
        this.#retry(reason, backoffMs(this.#settings.backoff, this.#attempt, this.#settings.random));
        return;
      case 'wait':
        this.#retry(reason, verdict.milliseconds);
        return;
      case 'renew-token': {
        if (this.#tokenRefused) {
          this.#end(ClientState.refused, reason);
          return;
        }
        this.#refusals += 1;
        this.#tokenRefused = true;
        this.#retry(reason, this.#refusals === 1 ? 0 : backoffMs(this.#settings.backoff, this.#attempt, this.#settings.random));
        return;
      }
      case 'refused':
        this.#end(ClientState.refused, reason);
        return;
      case 'closed':
        this.#end(ClientState.closed, reason);
        return;
    }
  }

  #retry(reason: StatusReason, milliseconds: number): void {
    if (this.#attempt >= this.#settings.backoff.tries) {
      this.#end(ClientState.closed, { code: 'GAVE_UP', message: reason.code });
      return;
    }
    this.#leave();
    this.#reason = reason;
    this.#wait.start(milliseconds);
    this.#waiting();
  }

  #end(state: typeof ClientState.refused | typeof ClientState.closed, reason: StatusReason): void {
    // Before the connection goes, so that waiting calls reject with this reason.
    this.#handlers.ended(reason);
    this.#leave();
    this.#wait.stop();
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#reason = reason;
    this.#tell(state);
  }

  /** Drops the connection. */
  #leave(): void {
    const current = this.#current;
    this.#current = undefined;
    this.#patience.stop();
    this.#stable.stop();
    this.#liveness.stop();
    current?.line?.drop();
    if (current?.welcomed === true) this.#handlers.down();
  }

  #told(signal: EnvironmentSignal): void {
    if (this.up) this.#liveness.doubt();
    else if (this.#wait.due === undefined) return;
    else if ((signal === 'online' && !this.#obeys) || this.#wait.due <= this.#settings.clock.steady()) this.#try();
    else this.#waiting();
  }

  #waiting(): void {
    const { clock, environment } = this.#settings;
    const { due } = this.#wait;
    const retryAt = due === undefined ? undefined : Math.round(clock.now() + due - clock.steady());
    this.#tell(environment.online ? ClientState.reconnecting : ClientState.offline, retryAt);
  }

  #tell(state: ClientState, retryAt?: number): void {
    this.#set(state, retryAt);
    this.#handlers.status(this.#status);
  }

  #set(state: ClientState, retryAt?: number): void {
    this.#status = {
      state,
      attempt: this.#attempt,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(retryAt === undefined ? {} : { retryAt }),
    };
  }
}

/** What a client does after its connection ended (C). */
export type CloseAction =
  /** Connects again after a back-off. */
  | { readonly action: 'back-off' }
  /** Connects again after exactly this time, as the hub said. */
  | { readonly action: 'wait'; readonly milliseconds: number }
  /** Gets a fresh token and connects again. */
  | { readonly action: 'renew-token' }
  /** Stays away until somebody logs in. */
  | { readonly action: 'refused' }
  /** Stays away. */
  | { readonly action: 'closed' };

/** `reconnectIn`: seconds, of the `draining` frame that came before. */
function closeAction({ code, reason }: TransportEnd, reconnectIn: number | undefined): CloseAction {
  switch (code) {
    case 1012:
      return reconnectIn === undefined ? { action: 'back-off' } : { action: 'wait', milliseconds: reconnectIn * 1000 };
    case 4001:
      return { action: 'renew-token' };
    case 4029: {
      const seconds = Number(reason.split(' ')[1]);
      return seconds >= 0 ? { action: 'wait', milliseconds: seconds * 1000 } : { action: 'back-off' };
    }
    case 4500:
    case 4503:
      return { action: 'refused' };
    case 1000:
    case 1009:
      return { action: 'closed' };
    default:
      return code >= 4500 && code <= 4999 ? { action: 'closed' } : { action: 'back-off' };
  }
}

/**
 * Splits a close reason: `CODE text`, or `BANNED until text`. A broken connection and close code
 * 1000 have no reason.
 */
function reasonOf({ code, reason }: TransportEnd): StatusReason {
  const [name = '', ...words] = reason.split(' ');
  const until = name === 'BANNED' && Number(words.shift());
  const message = words.join(' ');
  return {
    code: name || (code === 1000 ? 'CLOSED' : 'NETWORK'),
    closeCode: code,
    ...(message && { message }),
    ...(until && { until }),
  };
}
