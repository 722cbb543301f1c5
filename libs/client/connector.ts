import type { ClientFrame, ServerFrame, WelcomeFrame } from '#libs/protocol/frame-types.ts';
import { backoffMs } from './backoff.ts';
import { wordsOf } from './client-error.ts';
import type { Settings } from './client-options.ts';
import { ClientState, type ClientStatus, type StatusReason } from './client-status.ts';
import type { EnvironmentSignal } from './environment.ts';
import { Liveness } from './liveness.ts';
import { Timer } from './timer.ts';
import { Transport, type TransportEnd } from './transport.ts';

/** An attempt that has not come to `welcome` after so long is given up, milliseconds. */
const ATTEMPT_MS = 20_000;
/** A token that ends within this time is renewed before it is used, milliseconds. */
const TOKEN_MARGIN_MS = 30_000;

export interface ConnectorHandlers {
  status(status: ClientStatus): void;
  frame(frame: ServerFrame): void;
  up(welcome: WelcomeFrame): void;
  /** The line is gone; another one may follow. */
  down(): void;
  /** No line will follow unless `start` is called. */
  ended(reason: StatusReason): void;
}

/** One attempt and the line it makes. */
interface Current {
  line?: Transport;
  welcomed?: boolean;
}

/** Keeps one line to the hub: connects, notices its end, and does what the end asks for (table C). */
export class Connector {
  readonly #settings: Settings;
  readonly #handlers: ConnectorHandlers;
  readonly #wait: Timer;
  readonly #patience: Timer;
  readonly #stable: Timer;
  readonly #liveness: Liveness;
  #status: ClientStatus = { state: ClientState.connecting, attempt: 0 };
  /** The one attempt or line there is; another object, or undefined, once it is over. */
  #current: Current | undefined;
  #stopListening: (() => void) | undefined;
  #reason: StatusReason | undefined;
  #attempt = 0;
  /** Refusals of tokens since the last stable minute, and whether the last token used was refused. */
  #refusals = 0;
  #tokenRefused = false;
  /** Unix milliseconds. */
  #tokenEnds = Number.POSITIVE_INFINITY;
  /** The wait is one that the hub asked for. */
  #obeys = false;
  /** Seconds, told by the hub that leaves. */
  #reconnectIn: number | undefined;
  /** The words of whoever ends this connection. */
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

  /** Begins, also again after an end. Does nothing while it is under way. */
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

  /** Sends a frame; without a line it does nothing. */
  send(frame: ClientFrame): void {
    if (this.up) this.#current?.line?.send(frame);
  }

  /** The token in use ends then, Unix seconds. */
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
      if (isCurrent()) this.#lost({ code: 'NO_TOKEN', message: wordsOf(error) });
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

  /** The line, or the attempt at one, is over. */
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
    // Before the line goes: what that leaves open is to be told why.
    this.#handlers.ended(reason);
    this.#leave();
    this.#wait.stop();
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#reason = reason;
    this.#tell(state);
  }

  /** Has no line any more. */
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

/** What a client does when its connection ended (table C of the contract). */
export type CloseAction =
  /** Connects again after a back-off. */
  | { readonly action: 'back-off' }
  /** Connects again after exactly this time: the hub said so. */
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

/** The hub's code and words out of a close reason, `CODE words`; a line that just broke says nothing, and neither does a hub that was done. */
function reasonOf({ code, reason }: TransportEnd): StatusReason {
  const space = reason.indexOf(' ');
  const name = space < 0 ? reason : reason.slice(0, space);
  const message = space < 0 ? '' : reason.slice(space + 1);
  return { code: name !== '' ? name : code === 1000 ? 'CLOSED' : 'NETWORK', closeCode: code, ...(message === '' ? {} : { message }) };
}
