/** One open socket of a user on this node. */
import type { Position } from '#libs/broker/broker.ts';
import type { FrameBudget, StrikeCounter } from '#libs/hub/limits/frame-budget.ts';
import type { Socket } from '#libs/hub/ports/socket.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import { closeReason, ERRORS, type ErrorCode, type HubError } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { type Delivery, isSameEpoch } from './delivery.ts';
import type { LocalUser } from './local-user.ts';

/** Frames of a client that did not wait for `welcome`. */
const EARLY_FRAMES_MAX = 64;

/** The bearer of a verified token. */
export interface Identity {
  readonly userId: string;
  readonly name: string;
  readonly kind: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** The `rooms` claim: names or `prefix*`. */
  readonly rooms?: readonly string[] | undefined;
  /** The `login` claim (R4). */
  readonly login?: string | undefined;
  /** Unix seconds; undefined if the token has none. */
  readonly issuedAt?: number | undefined;
  /** SHA-256 of the token, base64url: what a revocation names it by. */
  readonly tokenHash?: string | undefined;
}

/** A room to join as soon as the socket is open (H1). */
export interface FirstJoin {
  readonly room: string;
  readonly since: Position | undefined;
}

/** The messages that were sent before a ping. */
export interface Receipt {
  readonly ping: string;
  /** Room to offset. */
  readonly upTo: ReadonlyMap<string, number>;
  /** When the ping was last sent, milliseconds of the steady clock. */
  askedAt: number;
}

const NO_PAGES: ReadonlyMap<string, Position> = new Map();

export class Connection {
  readonly id: string;
  readonly user: LocalUser;
  readonly session: string;
  readonly budget: FrameBudget;
  identity: Identity;
  /** Single-session mode: the login this connection belongs to. */
  readonly login: string | undefined;
  /** Rooms entered or being entered; at most `ROOM_LIMIT`, so a list beats a set. */
  readonly rooms: Room[] = [];
  readonly firstJoin: FirstJoin | undefined;
  /** Counts the bytes sent. */
  readonly #traffic: { bytesSent: number };
  /** Joins under way, by room name; undefined for the many connections that have none. */
  deliveries: Map<string, Delivery> | undefined;
  /** Set if the connection opens only to get the reason of its refusal (R4). */
  refusal: ErrorCode | undefined;
  /** Its registration is under way: what it finds decides about it, no signal that may be older. */
  registering = true;
  /** Protocol pings of late, and pongs beyond one a second; undefined for the many that send none. */
  pings: StrikeCounter | undefined;
  /** When the last pong came that nobody asked for and that was not counted, milliseconds of the steady clock. */
  pongedAt = Number.NEGATIVE_INFINITY;
  /** `welcome` was sent: nothing but a refusal goes before it. */
  welcomed = false;
  /** Frames that arrived or have to be sent before `welcome`. */
  early: (() => void)[] | undefined;
  /** Another login was announced while it was registering: to be looked at once that is done. */
  doubted = false;
  /** From before `welcome` until offline delivery ends: private rooms with newer messages, and the lowest offset of those. */
  behind: Map<string, number> | undefined;
  /** Messages were sent since the last ping that asks for receipt (M6). */
  unacknowledged = false;
  /** Highest offset by room that offline delivery sent and no ping has asked about yet. */
  offlineSent: ReadonlyMap<string, number> | undefined;
  /** The messages that arrived if the client answers this ping. */
  receipt: Receipt | undefined;
  /** The client sends `delivered`: nothing else counts as one. */
  saysDelivered = false;
  /** `refresh` frames so far, and the one of them whose token is in use. */
  refreshes = 0;
  refreshed = 0;
  invalidFrames: StrikeCounter | undefined;
  expiryTold = false;
  /** Unix second of the notice that its token ends. */
  expiryNoticeAt = 0;
  /** Unix second at which its token is looked at next. */
  expiryDue = 0;
  /** Closed by the drain of its node: presence keeps it until the node is gone. */
  sentAway = false;
  #socket: Socket | undefined;
  /** Private rooms, and how far a page or offline delivery got ahead of the user's own channel. */
  #pages: Map<string, Position> | undefined;
  #onDrain: (() => void) | undefined;
  #heldFrames = 0;
  /** Rooms in which `typing` was forwarded, and when, milliseconds of the steady clock. */
  #typed: Map<string, number> | undefined;

  constructor(fields: {
    id: string;
    user: LocalUser;
    session: string;
    identity: Identity;
    login: string | undefined;
    budget: FrameBudget;
    firstJoin: FirstJoin | undefined;
    traffic: { bytesSent: number };
  }) {
    this.id = fields.id;
    this.user = fields.user;
    this.session = fields.session;
    this.identity = fields.identity;
    this.login = fields.login;
    this.budget = fields.budget;
    this.firstJoin = fields.firstJoin;
    this.#traffic = fields.traffic;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
  }

  /** The socket is gone: nothing is sent any more. Callers that wait for its outbox go on. */
  closed(): void {
    this.#socket = undefined;
    this.drained();
  }

  /** The network dropped a frame and is ending the socket: a later frame would hide the gap. True the first time. */
  dropped(): boolean {
    const first = this.open;
    this.closed();
    return first;
  }

  /** Sends a frame; does nothing once the socket is gone. Returns the bytes queued or sent. */
  send(frame: string | Uint8Array): number {
    if (this.#socket === undefined) return 0;
    this.#socket.send(frame);
    const bytes = Buffer.byteLength(frame);
    this.#traffic.bytesSent += bytes;
    return bytes;
  }

  /** Sends a frame, but never before `welcome`. */
  deliver(frame: string | Uint8Array): void {
    if (!this.welcomed) {
      this.early ??= [];
      this.early.push(() => this.send(frame));
    } else this.send(frame);
  }

  /** Keeps a client's frame until `welcome` is sent. Returns false if the client sent too many; the hub's own frames do not count. */
  hold(handle: () => void): boolean {
    if (this.#heldFrames === EARLY_FRAMES_MAX) return false;
    this.#heldFrames += 1;
    this.early ??= [];
    this.early.push(handle);
    return true;
  }

  /** @param room The room that the refused frame names. */
  sendError(id: string | undefined, error: HubError, room?: string): void {
    const { code, message, retryable, retryAfter } = error;
    this.send(buildFrame('error', { id, room, code, message, retryable, retryAfter }));
  }

  /** The join of a room is no longer under way. */
  settled(room: string): void {
    this.deliveries?.delete(room);
    if (this.deliveries?.size === 0) this.deliveries = undefined;
  }

  /** Whether `typing` may be forwarded in a room now: at most once in `everyMs`. The call counts. */
  maySayTyping(room: string, now: number, everyMs: number): boolean {
    this.#typed ??= new Map();
    if (now - (this.#typed.get(room) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
    for (const [other, at] of this.#typed) if (now - at >= everyMs) this.#typed.delete(other);
    this.#typed.set(room, now);
    return true;
  }

  /** Notes that everything of a private room up to this position was sent, or reported as lost. An empty epoch stands for the known sequence. */
  pageSent(room: string, { epoch, offset }: Position): void {
    this.#pages ??= new Map();
    const known = this.#pages.get(room);
    if (known !== undefined && isSameEpoch(known.epoch, epoch))
      this.#pages.set(room, { epoch: epoch === '' ? known.epoch : epoch, offset: Math.max(offset, known.offset) });
    else this.#pages.set(room, { epoch, offset });
  }

  /** Private rooms, and how far a page or offline delivery sent their messages. An empty epoch: offline delivery alone did. */
  get pages(): ReadonlyMap<string, Position> {
    return this.#pages ?? NO_PAGES;
  }

  /** Whether a page or offline delivery sent this message of a private room. */
  wasPaged(room: string, { epoch, offset }: Position): boolean {
    const sent = this.#pages?.get(room);
    return sent !== undefined && offset <= sent.offset && isSameEpoch(sent.epoch, epoch);
  }

  /** A new sequence of a private room began: offline delivery sent messages of another one. */
  begunAnew(room: string): void {
    if (this.#pages?.get(room)?.epoch === '') this.#pages.delete(room);
  }

  /** Sends a protocol ping. */
  ping(text: string): void {
    this.#socket?.ping(text);
  }

  subscribe(topic: string): void {
    this.#socket?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#socket?.unsubscribe(topic);
  }

  publishToOthers(topic: string, frame: string): void {
    this.#socket?.publish(topic, frame);
  }

  /** Ends the connection with the close code of the table; the reason is the code's name, then what the caller adds. */
  end(code: ErrorCode, addition?: string | number): void {
    if (code === 'DRAINING') this.sentAway = true;
    this.#socket?.end(ERRORS[code].close, closeReason(code, addition));
  }

  /** Whether the outbox holds less than `bytes` now; true once the socket is gone. */
  hasPlace(bytes: number): boolean {
    return this.#socket === undefined || this.#socket.getBufferedAmount() < bytes;
  }

  /** Resolves once the outbox holds less than `bytes`, or the socket is gone. */
  async outboxBelow(bytes: number): Promise<void> {
    while (!this.hasPlace(bytes)) {
      await new Promise<void>((resolve) => {
        const before = this.#onDrain;
        this.#onDrain = () => {
          before?.();
          resolve();
        };
      });
    }
  }

  /** Call it when the socket's outbox got shorter. */
  drained(): void {
    const waiting = this.#onDrain;
    this.#onDrain = undefined;
    waiting?.();
  }
}
