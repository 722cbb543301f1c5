/**
 * Messages of private rooms on their way to a user's connections here (R5, M4).
 *
 * They come over the user's own channel, from any node, in any order, and some may be lost with a connection to the backend. Each room's are handed over
 * in the order of their offsets, each once; what is missing is read from the stream or the store before anything newer is handed over.
 */
import type { Broker, Page, Position } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { Delivery } from '#libs/hub/sessions/delivery.ts';
import type { Arrival, LocalUser, Reached } from '#libs/hub/sessions/local-user.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention, type RoomAccess, Standing } from '#libs/messages/room-access.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { frameHeadOf, publishedAt } from '#libs/protocol/server-frame.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { CursorStore } from '#libs/store/message-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { PrivateDelivery, resync } from './private-delivery.ts';

const PAGE = { count: PAGE_MESSAGES, bytes: PAGE_BYTES };
/** Users that are looked after at a time, after the backend was away. */
const HEALED_AT_ONCE = 16;

export interface PrivateRoomsOptions {
  readonly users: LocalUsers;
  readonly broker: Pick<Broker, 'after' | 'before'>;
  readonly cursors: Pick<CursorStore, 'delivered' | 'waiting'>;
  readonly access: Pick<RoomAccess, 'standing'>;
  readonly stats: HubStats;
  readonly clock: Pick<Clock, 'wait'>;
  readonly background: Background;
}

export class PrivateRooms {
  readonly #options: PrivateRoomsOptions;
  readonly #deliveries: PrivateDelivery;
  /** Users whose signals may have been lost, and who still wait to be healed. */
  readonly #doubted = new Set<string>();
  #healing = 0;

  constructor(options: PrivateRoomsOptions) {
    this.#options = options;
    this.#deliveries = new PrivateDelivery(options, (user, room, reached) => this.#renew(user, room, Retention.stream, reached));
  }

  /**
   * Takes a finished `message` frame from the own channel of a user. `epoch`: only of rooms that keep a stream alone. If it differs from the one before, the
   * sequence was lost or the signal is late: the broker tells which.
   */
  arrived(id: string, retention: Retention, frame: Buffer, epoch?: string): void {
    const user = this.#options.users.of(id)[0]?.user;
    if (user === undefined) return;
    const { room, offset } = frameHeadOf(frame);
    const reached = user.reached?.get(room);
    if (reached === undefined) {
      this.#deliveries.run(user, () => this.#begin(user, room, retention, { offset, frame, epoch }));
      return;
    }
    // The room keeps history from now on.
    if (retention === Retention.history) reached.epoch = undefined;
    if (reached.held !== undefined) {
      reached.held.push({ offset, frame, epoch });
    } else if (epoch !== reached.epoch) {
      reached.held = [{ offset, frame, epoch }];
      this.#deliveries.run(user, () => this.#release(user, room, retention, reached));
    } else if (offset === reached.offset + 1) {
      this.#hand(user, room, retention, reached, offset, frame);
    } else if (offset > reached.offset) {
      this.#deliveries.run(user, () => this.#fill(user, room, retention, reached, offset));
    }
  }

  /**
   * Call after offline delivery sent everything up to this offset to one connection. The user's other connections may have less: they get the messages in
   * between, at once or with the next message of the channel.
   */
  start(connection: Connection, room: string, offset: number): void {
    const { user } = connection;
    const reached = user.reached?.get(room);
    if (this.#options.users.of(user.id).length > 1) {
      connection.pageSent(room, { epoch: '', offset });
      if (reached !== undefined && reached.held === undefined && reached.offset < offset)
        this.#deliveries.run(user, () => this.#fill(user, room, Retention.history, reached, offset));
    } else if (reached?.held !== undefined) reached.floor = offset;
    else this.#known(user, room, offset);
  }

  /** Everything up to this offset was delivered to the user. */
  #known(user: LocalUser, room: string, offset: number): void {
    user.reached ??= new Map();
    const reached = user.reached.get(room);
    if (reached === undefined) user.reached.set(room, { offset, held: undefined, acknowledged: 0 });
    else if (reached.held === undefined) reached.offset = Math.max(reached.offset, offset);
  }

  /**
   * Looks for messages of these users whose signals may have been lost, for a few users at a time. A user who still waits from an earlier call is looked
   * after once.
   */
  heal(ids: readonly string[]): void {
    for (const id of ids) this.#doubted.add(id);
    const lanes = Math.min(HEALED_AT_ONCE - this.#healing, this.#doubted.size);
    for (let lane = 0; lane < lanes; lane += 1) this.#options.background.run('private-rooms', () => this.#healNext());
  }

  /** Never rejects. */
  async #healNext(): Promise<void> {
    this.#healing += 1;
    for (const id of this.#doubted) {
      this.#doubted.delete(id);
      const user = this.#options.users.of(id)[0]?.user;
      if (user === undefined) continue;
      const healing = this.#heal(user);
      this.#deliveries.run(user, () => healing);
      await Promise.allSettled([healing]);
    }
    this.#healing -= 1;
  }

  async #heal(user: LocalUser): Promise<void> {
    const { id } = user;
    const waiting = await this.#deliveries.patiently(user, () => this.#options.cursors.waiting(id));
    // Groups have cursors, too, but their messages come over the room.
    for (const { room, delivered, top } of waiting?.filter((one) => isPrivateRoom(one.room)) ?? []) {
      this.#known(user, room, delivered);
      const reached = user.reached?.get(room);
      if (reached !== undefined && reached.held === undefined && reached.offset < top) {
        this.#deliveries.run(user, () => this.#fill(user, room, Retention.history, reached, top));
      }
    }
    for (const connection of [...this.#options.users.of(id)]) await this.#healPages(connection);
    const stored = new Set(waiting?.map(({ room }) => room));
    for (const [room, reached] of user.reached ?? []) {
      if (!isPrivateRoom(room) || stored.has(room) || reached.held !== undefined) continue;
      // The messages of a room that was lost meanwhile are not theirs (R7).
      if ((await this.#deliveries.patiently(user, () => this.#options.access.standing(id, room))) !== Standing.member) continue;
      const from = reached.offset;
      const page = await this.#deliveries.patiently(user, () => this.#options.broker.after(room, from, { count: 1, bytes: 1 }));
      if (page === undefined || reached.held !== undefined) continue;
      const { epoch, offset } = page.position;
      if (isAnew({ epoch, offset }, { ...reached, offset: from }))
        this.#deliveries.run(user, () => this.#renew(user, room, Retention.stream, reached));
      else if (offset > reached.offset) this.#deliveries.run(user, () => this.#fill(user, room, Retention.stream, reached, offset));
    }
  }

  /** Looks at the private rooms of which a connection got a page: the first messages that followed may be lost with their signals. */
  async #healPages(connection: Connection): Promise<void> {
    const { user } = connection;
    for (const [room, page] of [...connection.pages]) {
      if (page.epoch === '') continue;
      // The messages of a room that was lost meanwhile are not theirs (R7).
      if ((await this.#deliveries.patiently(user, () => this.#options.access.standing(user.id, room))) !== Standing.member) continue;
      const position = await this.#deliveries.reconcile(connection, room);
      if (position === undefined || position.epoch !== page.epoch || position.offset <= page.offset || user.reached?.has(room)) continue;
      const reached: Reached = { offset: page.offset, epoch: page.epoch, held: undefined, acknowledged: 0 };
      user.reached ??= new Map();
      user.reached.set(room, reached);
      this.#deliveries.run(user, () => this.#fill(user, room, Retention.stream, reached, position.offset));
    }
  }

  /**
   * Handles the first message of a room since the user connected, or since access was lost. Messages between the cursor and this one are read and sent
   * first. A late signal may name a room that the user has lost (R7): nothing is sent then.
   */
  async #begin(user: LocalUser, room: string, retention: Retention, first: Arrival): Promise<void> {
    const { offset, epoch } = first;
    const reached: Reached = { offset: offset - 1, epoch, held: [first], acknowledged: 0 };
    user.reached ??= new Map();
    user.reached.set(room, reached);
    const { access, cursors } = this.#options;
    const found = await this.#deliveries.patiently(user, () =>
      Promise.all([access.standing(user.id, room), retention === Retention.history ? cursors.delivered(user.id, room) : undefined]),
    );
    if (found === undefined || !this.#isTheirs(user, room, reached)) return;
    const [standing, cursor] = found;
    if (standing === Standing.stranger || user.wasToldOfEnd(room)) {
      user.reached.delete(room);
      return;
    }
    if (cursor !== undefined) {
      reached.offset = Math.max(Math.min(cursor.delivered, offset - 1), reached.floor ?? 0);
      reached.acknowledged = cursor.delivered;
    }
    await this.#release(user, room, retention, reached, cursor?.historyFrom);
  }

  async #fill(user: LocalUser, room: string, retention: Retention, reached: Reached, upTo: number): Promise<void> {
    reached.held = [];
    await this.#read(user, room, retention, reached, upTo);
    await this.#release(user, room, retention, reached);
  }

  /** Signals of a new sequence may be lost. */
  async #renew(user: LocalUser, room: string, retention: Retention, reached: Reached): Promise<void> {
    reached.held = [];
    if (await this.#follow(user, room, retention, reached)) await this.#release(user, room, retention, reached);
  }

  /** Hands over what was held, in order, with what lies between and is not older than `historyFrom`; ends when nothing is held any more. */
  async #release(user: LocalUser, room: string, retention: Retention, reached: Reached, historyFrom = 0): Promise<void> {
    for (;;) {
      const next = reached.held?.sort((one, other) => one.offset - other.offset).shift();
      if (next === undefined) break;
      // Those from before the room kept history are of the same sequence.
      if (reached.epoch === undefined) next.epoch = undefined;
      if (next.epoch !== reached.epoch && !(await this.#follow(user, room, retention, reached, next.epoch))) return;
      // A late one of a sequence that was lost.
      if (next.epoch !== reached.epoch) continue;
      if (next.offset > reached.offset + 1) await this.#read(user, room, retention, reached, next.offset - 1, historyFrom);
      if (!this.#isTheirs(user, room, reached)) return;
      // The sequence may have begun anew during the read.
      if (next.epoch === reached.epoch && next.offset === reached.offset + 1)
        this.#hand(user, room, retention, reached, next.offset, next.frame);
    }
    reached.held = undefined;
  }

  /**
   * Reads and hands over the messages above `reached.offset`, up to `upTo`. Messages above that may not be the user's (R7), and have signals of their own. If
   * the stream no longer has them, the user gets `resync`.
   */
  async #read(user: LocalUser, room: string, retention: Retention, reached: Reached, upTo: number, historyFrom = 0): Promise<void> {
    while (reached.offset < upTo) {
      const page = await this.#deliveries.patiently(user, () => this.#options.broker.after(room, reached.offset, PAGE));
      if (page === undefined || !this.#isTheirs(user, room, reached)) return;
      if (isAnew(page.position, reached)) {
        await this.#follow(user, room, retention, reached);
        return;
      }
      const before = reached.offset;
      if (page.complete) {
        for (const { offset, frame } of page.publications) {
          if (offset !== reached.offset + 1 || offset > upTo) continue;
          if (publishedAt(frame) < historyFrom) reached.offset = offset;
          else this.#hand(user, room, retention, reached, offset, Buffer.from(frame));
        }
      }
      if (reached.offset === before) {
        await this.#resync(user, room, retention, reached, upTo);
        return;
      }
    }
  }

  async #resync(user: LocalUser, room: string, retention: Retention, reached: Reached, upTo: number): Promise<void> {
    const latest = await this.#latest(user, room, reached);
    if (latest === undefined) return;
    this.#tellLoss(user, room, retention, reached.offset + 1, latest);
    reached.offset = Math.max(latest.position.offset, upTo);
  }

  /**
   * Compares the room's sequence with the one that was reached. If it began anew, or went back, `reached` goes on from there and the user gets `resync`.
   * `epoch`: that of a signal. Returns false once access is lost. Call it only while arrivals are held: otherwise a newer message may be sent first.
   */
  async #follow(user: LocalUser, room: string, retention: Retention, reached: Reached, epoch = reached.epoch): Promise<boolean> {
    const latest = await this.#latest(user, room, reached);
    if (latest === undefined) return false;
    const { position } = latest;
    if (isAnew(position, reached)) {
      for (const connection of this.#options.users.of(user.id)) connection.begunAnew(room);
      this.#tellLoss(user, room, retention, position.offset + 1, latest);
      reached.offset = position.offset;
      reached.acknowledged = Math.min(reached.acknowledged, position.offset);
    }
    if (epoch !== undefined) reached.epoch = position.epoch;
    return true;
  }

  /** The latest page; undefined once the room is not theirs any more. */
  async #latest(user: LocalUser, room: string, reached: Reached): Promise<Page | undefined> {
    const latest = await this.#deliveries.patiently(user, () => this.#options.broker.before(room, Number.POSITIVE_INFINITY, PAGE));
    return this.#isTheirs(user, room, reached) ? latest : undefined;
  }

  /** `from`: the first offset that was not handed over. */
  #tellLoss(user: LocalUser, room: string, retention: Retention, from: number, { position, publications }: Page): void {
    const loss = { ...position, frame: resync(room, { position, publications }), retention, isResync: true };
    for (const connection of this.#options.users.of(user.id)) {
      if (mayEnter(connection.bearer.kind, room)) this.#deliveries.give(connection, room, loss, from);
    }
  }

  #hand(user: LocalUser, room: string, retention: Retention, reached: Reached, offset: number, frame: Buffer): void {
    reached.offset = offset;
    const message = { offset, epoch: reached.epoch ?? '', frame, retention, isResync: false };
    for (const connection of this.#options.users.of(user.id)) {
      // The user's tokens may be of several kinds (A12): a customer's gets conversations only.
      if (mayEnter(connection.bearer.kind, room)) this.#deliveries.give(connection, room, message);
    }
  }

  /** As `PrivateDelivery.release`. */
  release(connection: Connection, room: string, delivery: Delivery, page?: Position): void {
    this.#deliveries.release(connection, room, delivery, page);
  }

  /** Whether the user is here and still has access. Work that began before access was lost stops (R7). */
  #isTheirs(user: LocalUser, room: string, reached: Reached): boolean {
    return this.#deliveries.isHere(user) && user.reached?.get(room) === reached;
  }
}

/** Whether a room's sequence is another one than was reached: Redis lost it, or came back with older data. */
function isAnew({ epoch, offset }: Position, reached: Reached): boolean {
  return offset < reached.offset || (reached.epoch !== undefined && reached.epoch !== epoch);
}
