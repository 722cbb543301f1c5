/** One open socket of a user on this node. */
import type { Bearer } from '#libs/auth/credentials.ts';
import type { Position } from '#libs/broker/broker.ts';
import type { ConnectionBudget } from '#libs/hub/limits/frame-budget.ts';
import { ALONE, type Fanout, type Socket } from '#libs/hub/ports/socket.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import { closeReason, ERRORS, type ErrorCode, type HubError } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { Deliveries } from './deliveries.ts';
import { arrayOf, type FrameBatches } from './frame-batches.ts';
import type { LocalUser } from './local-user.ts';
import { ReceiptState } from './receipt-state.ts';

/** Frames of a client that did not wait for `welcome`. */
const EARLY_FRAMES_MAX = 64;
const NO_ROOMS: readonly Room[] = [];

/** A room to join as soon as the socket is open (H1). */
export interface FirstJoin {
  readonly room: string;
  readonly since: Position | undefined;
}

/** The phases of a connection, in this order. */
export const Phase = {
  /**
   * Presence is asked to take it. The answer decides about the connection: a signal may be older.
   */
  registering: 0,
  /** As `registering`. Another login was announced meanwhile. */
  doubted: 1,
  registered: 2,
  /** A newer login replaced it: it opens only to get the reason (R4). */
  replaced: 3,
  /** `welcome` was sent. */
  welcomed: 4,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export class Connection {
  readonly id: string;
  readonly user: LocalUser;
  readonly session: string;
  /** Single-session mode: the login this connection belongs to. */
  readonly login: string | undefined;
  readonly firstJoin: FirstJoin | undefined;
  /** The deliveries of its rooms. */
  readonly deliveries = new Deliveries();
  /** True if it gets all events of the logs of rooms, not messages alone (M7). */
  readonly wantsEvents: boolean;
  /** When it was admitted, Unix milliseconds. */
  readonly openedAt: number;
  readonly #newBudget: () => ConnectionBudget;
  /** Made at the first frame: many connections only listen. */
  #budget: ConnectionBudget | undefined;
  /** Made at first use, as the budget. */
  #receipts: ReceiptState | undefined;
  /** Counts the bytes sent. */
  readonly #traffic: { bytesSent: number };
  /** Undefined unless it takes arrays of frames (F9). */
  readonly #batches: FrameBatches | undefined;
  /** Its topics, if it takes arrays. */
  #topics: Set<string> | undefined;
  #bearer: Bearer;
  #phase: Phase = Phase.registering;
  #socket: Socket | undefined;
  /** Rooms entered or being entered; at most `ROOM_LIMIT`, so a list beats a set. A list that grows by `push` has 17 places: 136 bytes for each connection. */
  #rooms: readonly Room[] = NO_ROOMS;
  /** Frames that arrived or have to be sent before `welcome`. */
  #early: (() => void)[] | undefined;
  #heldFrames = 0;
  #onDrain: (() => void) | undefined;
  /** `refresh` frames so far, and the one of them whose token is in use. */
  #refreshes = 0;
  #refreshed = 0;
  /** Closed by the drain of its node: presence keeps it until the node is gone. */
  #sentAway = false;
  /** Rooms in which `typing` was forwarded, and when, milliseconds of the steady clock. */
  #typed: Map<string, number> | undefined;

  constructor(fields: {
    id: string;
    user: LocalUser;
    session: string;
    bearer: Bearer;
    login: string | undefined;
    newBudget: () => ConnectionBudget;
    firstJoin: FirstJoin | undefined;
    wantsEvents: boolean;
    batches: FrameBatches | undefined;
    openedAt: number;
    traffic: { bytesSent: number };
  }) {
    this.id = fields.id;
    this.user = fields.user;
    this.session = fields.session;
    this.#bearer = fields.bearer;
    this.login = fields.login;
    this.#newBudget = fields.newBudget;
    this.firstJoin = fields.firstJoin;
    this.wantsEvents = fields.wantsEvents;
    this.openedAt = fields.openedAt;
    this.#traffic = fields.traffic;
    this.#batches = fields.batches;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  /** The features that the client opted in to, for `welcome`. */
  get features(): readonly string[] {
    return [...(this.wantsEvents ? ['events'] : []), ...(this.#batches === undefined ? [] : ['batch'])];
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What its frames may still use. */
  get budget(): ConnectionBudget {
    this.#budget ??= this.#newBudget();
    return this.#budget;
  }

  /** The messages that are not known to have arrived. */
  get receipts(): ReceiptState {
    this.#receipts ??= new ReceiptState();
    return this.#receipts;
  }

  /** The bearer of the newest token. */
  get bearer(): Bearer {
    return this.#bearer;
  }

  /** Whether its node closed it to leave: presence keeps it until the node is gone. */
  get sentAway(): boolean {
    return this.#sentAway;
  }

  /**
   * Presence has taken it. Returns false if another login was announced meanwhile: presence has to
   * be asked once more.
   */
  registered(): boolean {
    const isSure = this.#phase !== Phase.doubted;
    this.#phase = Phase.registered;
    return isSure;
  }

  /**
   * Another login of the user was announced. Returns false if it is registered already: presence
   * has to be asked now.
   */
  doubt(): boolean {
    if (this.#phase > Phase.doubted) return false;
    this.#phase = Phase.doubted;
    return true;
  }

  /**
   * A newer login took its place (R4). One that is not open yet gets the reason instead of
   * `welcome`.
   */
  replaced(): void {
    this.#phase = Phase.replaced;
  }

  /** Sends `welcome`. Frames that were held wait for `releaseEarly`. */
  welcome(frame: string): void {
    this.send(frame);
    this.#phase = Phase.welcomed;
  }

  /** Handles the frames that were held before `welcome`, in order, while the connection is open. */
  releaseEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const handle of early) if (this.open) handle();
  }

  opened(socket: Socket): void {
    this.#socket = socket;
  }

  /** The socket is gone: nothing is sent any more. Callers that wait for its outbox go on. */
  closed(): void {
    this.#socket = undefined;
    for (const topic of this.#topics ?? []) this.#batches?.unsubscribe(topic);
    this.#topics = undefined;
    this.drained();
  }

  /**
   * The network dropped a frame and is ending the socket: a later frame would hide the gap. True
   * the first time.
   */
  dropped(): boolean {
    const first = this.open;
    this.closed();
    return first;
  }

  /** Sends a frame; does nothing once the socket is gone. Returns the bytes queued or sent. */
  send(frame: string | Uint8Array): number {
    if (this.#batches === undefined) return this.#sendText(frame);
    this.#batches.flushTo(this, this.#topics ?? []);
    return this.#sendText(arrayOf(frame));
  }

  /** Sends the ack of a message, together with what its topics get at about this time. */
  sendAck(frame: string, fanout: Fanout): void {
    if (this.#batches === undefined) this.publishAlone(frame, fanout);
    else this.#batches.holdAck(this, frame);
  }

  /**
   * Sends a finished text frame by way of a topic. It leaves in one write with what is published to
   * this connection's topics in this turn of the event loop, in the order of the calls.
   *
   * `send` cannot do that: uWebSockets.js first writes what was published before, by itself, also in
   * a cork. The topic costs three calls, a write costs ten times as much.
   */
  publishAlone(text: string, fanout: Fanout): void {
    if (this.#socket === undefined) return;
    this.#socket.subscribe(ALONE);
    fanout.publish(ALONE, text, 1);
    this.#socket?.unsubscribe(ALONE);
  }

  #sendText(text: string | Uint8Array): number {
    if (this.#socket === undefined) return 0;
    this.#socket.send(text);
    const bytes = Buffer.byteLength(text);
    this.#traffic.bytesSent += bytes;
    return bytes;
  }

  /** Sends a frame, but never before `welcome`. */
  deliver(frame: string | Uint8Array): void {
    if (this.#phase < Phase.welcomed) this.#holdEarly(() => this.send(frame));
    else this.send(frame);
  }

  /**
   * Keeps a client's frame until `welcome` is sent. Returns false if the client sent too many; the
   * hub's own frames do not count.
   */
  hold(handle: () => void): boolean {
    if (this.#heldFrames === EARLY_FRAMES_MAX) return false;
    this.#heldFrames += 1;
    this.#holdEarly(handle);
    return true;
  }

  #holdEarly(handle: () => void): void {
    this.#early ??= [];
    this.#early.push(handle);
  }

  /** @param room The room that the refused frame names. */
  sendError(id: string | undefined, error: HubError, room?: string): void {
    const { code, message, retryable, retryAfter } = error;
    this.send(buildFrame('error', { id, room, code, message, retryable, retryAfter }));
  }

  /** A `refresh` came. Returns its number, for `refresh`. */
  beginRefresh(): number {
    this.#refreshes += 1;
    return this.#refreshes;
  }

  /**
   * The token of a `refresh` was verified. It is used, unless that of a later `refresh` was
   * verified first.
   *
   * @returns The bearer of the previous token; undefined if the token is not used.
   */
  refresh(number: number, bearer: Bearer): Bearer | undefined {
    if (number <= this.#refreshed) return undefined;
    this.#refreshed = number;
    const before = this.#bearer;
    this.#bearer = bearer;
    return before;
  }

  /** Rooms entered or being entered. */
  get rooms(): readonly Room[] {
    return this.#rooms;
  }

  room(name: string): Room | undefined {
    for (const room of this.#rooms) if (room.name === name) return room;
    return undefined;
  }

  entered(room: Room): void {
    this.#rooms = this.#rooms.concat(room);
  }

  /** Returns false if the connection was not in the room. */
  exited(room: Room): boolean {
    const before = this.#rooms.length;
    this.#rooms = this.#rooms.filter((other) => other !== room);
    return this.#rooms.length < before;
  }

  /** The names of the rooms that are entered, and of those that it is on its way into. */
  roomNames(): string[] {
    return [...new Set([...this.#rooms.map(({ name }) => name), ...this.deliveries.names()])];
  }

  /**
   * Whether `typing` may be forwarded in a room now: at most once in `everyMs`. The call counts.
   */
  mayForwardTyping(room: string, now: number, everyMs: number): boolean {
    this.#typed ??= new Map();
    if (now - (this.#typed.get(room) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
    for (const [other, at] of this.#typed) if (now - at >= everyMs) this.#typed.delete(other);
    this.#typed.set(room, now);
    return true;
  }

  /** Sends a protocol ping. */
  ping(text: string): void {
    this.#socket?.ping(text);
  }

  subscribe(topic: string): void {
    if (this.#batches === undefined || this.#socket === undefined) {
      this.#socket?.subscribe(topic);
      return;
    }
    this.#topics ??= new Set();
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#socket.subscribe(this.#batches.subscribe(topic));
  }

  unsubscribe(topic: string): void {
    if (this.#batches === undefined) this.#socket?.unsubscribe(topic);
    else if (this.#topics?.delete(topic)) this.#socket?.unsubscribe(this.#batches.unsubscribe(topic));
  }

  /** Whether the client may send arrays of frames (F9). */
  get takesBatches(): boolean {
    return this.#batches !== undefined;
  }

  publishToOthers(topic: string, frame: string): void {
    this.#socket?.publish(topic, frame);
  }

  /**
   * Ends the connection with the close code of the table; the reason is the code's name, then what
   * the caller adds.
   */
  end(code: ErrorCode, addition?: string | number): void {
    if (code === 'DRAINING') this.#sentAway = true;
    this.#batches?.flushTo(this, this.#topics ?? []);
    this.#socket?.end(ERRORS[code].close, closeReason(code, addition));
  }

  /** Bytes in the outbox; 0 once the socket is gone. */
  get outboxBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
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
