/**
 * Messages of private rooms on their way to a user's connections here (R5, M4).
 *
 * They come over the user's own channel, from any node, in any order, and some may be lost with a
 * connection to the backend. Each room's are handed over in the order of their offsets, each once;
 * what is missing is read from the stream or the store before anything newer is handed over.
 */
import type { Broker, Page, Position } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { type Delivery, DeliveryState } from '#libs/hub/sessions/delivery.ts';
import type { LocalUser } from '#libs/hub/sessions/local-user.ts';
import type { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { type Arrival, PrivateFeed } from '#libs/hub/sessions/private-feed.ts';
import { Retention, type RoomAccess, Standing } from '#libs/messages/room-access.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isPrivateRoom, roomKind } from '#libs/protocol/room-kinds.ts';
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
  /** As in `RelayOptions`. */
  readonly now: () => number;
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
    this.#deliveries = new PrivateDelivery(options, (user, room, feed) => this.#renew(user, room, Retention.stream, feed));
  }

  /**
   * Takes a finished `message` frame from the own channel of a user. `epoch`: only of rooms that
   * keep a stream alone. If it differs from the one before, the sequence was lost or the signal is
   * late: the broker tells which.
   */
  arrived(id: string, retention: Retention, frame: Buffer, epoch?: string): void {
    const user = this.#options.users.of(id)[0]?.user;
    if (user === undefined) return;
    const { room, offset } = frameHeadOf(frame);
    const feed = user.feeds.get(room);
    if (feed === undefined) {
      this.#deliveries.run(user, () => this.#begin(user, room, retention, { offset, frame, epoch }));
      return;
    }
    if (retention === Retention.history) feed.keepsHistory();
    const { state } = feed;
    switch (state) {
      case DeliveryState.asking:
      case DeliveryState.recovering:
        feed.hold({ offset, frame, epoch });
        return;
      case DeliveryState.live:
        if (epoch === feed.epoch && offset === feed.offset + 1) this.#handLive(user, room, retention, feed, offset, frame);
        else if (epoch !== feed.epoch || offset > feed.offset || feed.isLate({ offset, frame, epoch }))
          this.#recover(user, room, retention, feed, { offset, frame, epoch });
        return;
      default:
        state satisfies never;
    }
  }

  /**
   * Call after offline delivery sent everything up to this offset to one connection. The user's
   * other connections may have less: they get the messages in between, at once or with the next
   * message of the channel.
   */
  start(connection: Connection, room: string, offset: number): void {
    const { user } = connection;
    const feed = user.feeds.get(room);
    if (this.#options.users.of(user.id).length > 1) {
      connection.deliveries.pageSent(room, { epoch: '', offset });
      if (feed !== undefined) this.#catchUp(user, room, Retention.history, feed, offset);
    } else if (feed === undefined) user.gets(room, PrivateFeed.at(offset));
    else feed.deliveredUpTo(offset);
  }

  /**
   * Looks for messages of these users whose signals may have been lost, for a few users at a time.
   * A user who still waits from an earlier call is looked after once.
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
      const feed = user.feeds.get(room) ?? PrivateFeed.at(delivered);
      user.gets(room, feed);
      this.#catchUp(user, room, Retention.history, feed, top);
    }
    for (const connection of [...this.#options.users.of(id)]) await this.#healPages(connection);
    const stored = new Set(waiting?.map(({ room }) => room));
    for (const [room, feed] of user.feeds) {
      if (!isPrivateRoom(room) || stored.has(room) || feed.state !== DeliveryState.live) continue;
      // The messages of a room that was lost meanwhile are not theirs (R7).
      if ((await this.#deliveries.patiently(user, () => this.#options.access.standing(id, room))) !== Standing.member) continue;
      const from = feed.offset;
      const page = await this.#deliveries.patiently(user, () => this.#options.broker.after(room, from, { count: 1, bytes: 1 }));
      if (page === undefined) continue;
      if (feed.isOtherThan(page.position, from)) this.#renewSoon(user, room, Retention.stream, feed);
      else this.#catchUp(user, room, Retention.stream, feed, page.position.offset);
    }
  }

  /**
   * Looks at the private rooms of which a connection got a page: the first messages that followed
   * may be lost with their signals.
   */
  async #healPages(connection: Connection): Promise<void> {
    const { user } = connection;
    for (const [room, page] of [...connection.deliveries.pages]) {
      if (page.epoch === '') continue;
      // The messages of a room that was lost meanwhile are not theirs (R7).
      if ((await this.#deliveries.patiently(user, () => this.#options.access.standing(user.id, room))) !== Standing.member) continue;
      const position = await this.#deliveries.compare(connection, room);
      if (position === undefined || position.epoch !== page.epoch || position.offset <= page.offset || user.feeds.has(room)) continue;
      const feed = PrivateFeed.at(page.offset, page.epoch);
      user.gets(room, feed);
      this.#catchUp(user, room, Retention.stream, feed, position.offset);
    }
  }

  /**
   * Handles the first message of a room since the user connected, or since access was lost.
   * Messages between the cursor and this one are read and sent first. A late signal may name a room
   * that the user has lost (R7): nothing is sent then.
   */
  async #begin(user: LocalUser, room: string, retention: Retention, first: Arrival): Promise<void> {
    const feed = PrivateFeed.from(first);
    user.gets(room, feed);
    const { access, cursors } = this.#options;
    const found = await this.#deliveries.patiently(user, () =>
      Promise.all([access.standing(user.id, room), retention === Retention.history ? cursors.delivered(user.id, room) : undefined]),
    );
    if (found === undefined || !this.#isTheirs(user, room, feed)) return;
    const [standing, cursor] = found;
    if (standing === Standing.stranger || user.isEndReported(room)) {
      user.loses(room);
      return;
    }
    feed.begin(cursor?.delivered);
    await this.#release(user, room, retention, feed, cursor?.historyFrom);
  }

  /**
   * Messages up to this offset are there: reads those that the feed lacks, unless it recovers
   * already.
   */
  #catchUp(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, upTo: number): void {
    if (feed.state !== DeliveryState.live || feed.offset >= upTo) return;
    feed.recover();
    this.#deliveries.run(user, async () => {
      await this.#read(user, room, retention, feed, upTo);
      await this.#release(user, room, retention, feed);
    });
  }

  /** A message came that does not follow: what is missing is read first. */
  #recover(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, first: Arrival): void {
    feed.recover(first);
    this.#deliveries.run(user, () => this.#release(user, room, retention, feed));
  }

  /** Signals of a new sequence may be lost. */
  #renewSoon(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed): void {
    if (feed.state === DeliveryState.live) this.#deliveries.run(user, () => this.#renew(user, room, retention, feed));
  }

  async #renew(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed): Promise<void> {
    feed.recover();
    if (await this.#follow(user, room, retention, feed)) await this.#release(user, room, retention, feed);
  }

  /**
   * Hands over what was held, in order, with what lies between and is not older than `historyFrom`;
   * ends when nothing is held any more.
   */
  async #release(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, historyFrom = 0): Promise<void> {
    for (let next = feed.next(); next !== undefined; next = feed.next()) {
      if (next.epoch !== feed.epoch && !(await this.#follow(user, room, retention, feed, next.epoch))) return;
      // A late one of a sequence that was lost.
      if (next.epoch !== feed.epoch) continue;
      if (feed.isLate(next)) {
        await this.#resync(user, room, retention, feed, feed.offset);
        feed.lateReported(next.offset);
      } else if (next.offset > feed.offset + 1) await this.#read(user, room, retention, feed, next.offset - 1, historyFrom);
      if (!this.#isTheirs(user, room, feed)) return;
      // The sequence may have begun anew during the read.
      if (next.epoch === feed.epoch && next.offset === feed.offset + 1)
        this.#handLive(user, room, retention, feed, next.offset, next.frame);
    }
    feed.live();
  }

  /**
   * Reads and hands over the messages above the feed's offset, up to `upTo`. Messages above that
   * may not be the user's (R7), and have signals of their own. If the stream no longer has them,
   * the user gets `resync`.
   */
  async #read(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, upTo: number, historyFrom = 0): Promise<void> {
    while (feed.offset < upTo) {
      const page = await this.#deliveries.patiently(user, () => this.#options.broker.after(room, feed.offset, PAGE));
      if (page === undefined || !this.#isTheirs(user, room, feed)) return;
      if (feed.isOtherThan(page.position)) {
        await this.#follow(user, room, retention, feed);
        return;
      }
      const before = feed.offset;
      if (page.complete) {
        for (const { offset, frame } of page.publications) {
          if (offset !== feed.offset + 1 || offset > upTo) continue;
          if (publishedAt(frame) < historyFrom) feed.deliveredUpTo(offset);
          else this.#hand(user, room, retention, feed, offset, Buffer.from(frame));
        }
      }
      if (feed.offset === before) {
        await this.#resync(user, room, retention, feed, upTo);
        return;
      }
    }
  }

  async #resync(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, upTo: number): Promise<void> {
    const latest = await this.#latest(user, room, feed);
    if (latest === undefined || this.#restart(user, room, retention, feed, latest)) return;
    this.#reportLoss(user, room, retention, feed.offset + 1, latest);
    feed.deliveredUpTo(Math.max(latest.position.offset, upTo));
  }

  /**
   * Compares the room's sequence with that of the feed, and goes on from there if it began anew, or
   * went back. `epoch`: that of a signal. Returns false once access is lost. Call it only while
   * arrivals are held: otherwise a newer message may be sent first.
   */
  async #follow(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, epoch = feed.epoch): Promise<boolean> {
    const latest = await this.#latest(user, room, feed);
    if (latest === undefined) return false;
    this.#restart(user, room, retention, feed, latest);
    if (epoch !== undefined) feed.follow(latest.position.epoch);
    return true;
  }

  /**
   * If the latest page is of another sequence than the feed, the feed goes on from there and the
   * user gets `resync`. Returns whether it is.
   */
  #restart(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, latest: Page): boolean {
    const { position } = latest;
    if (!feed.isOtherThan(position)) return false;
    for (const connection of this.#options.users.of(user.id)) connection.deliveries.begunAnew(room);
    this.#reportLoss(user, room, retention, position.offset + 1, latest);
    feed.restart(position);
    return true;
  }

  /** The latest page; undefined once the room is not theirs any more. */
  async #latest(user: LocalUser, room: string, feed: PrivateFeed): Promise<Page | undefined> {
    const latest = await this.#deliveries.patiently(user, () => this.#options.broker.before(room, Number.POSITIVE_INFINITY, PAGE));
    return this.#isTheirs(user, room, feed) ? latest : undefined;
  }

  /** `from`: the first offset that was not handed over. */
  #reportLoss(user: LocalUser, room: string, retention: Retention, from: number, { position, publications }: Page): void {
    const loss = { ...position, frame: resync(room, { position, publications }), retention, isResync: true };
    for (const connection of this.#options.users.of(user.id)) {
      if (mayEnter(connection.bearer.kind, room)) this.#deliveries.give(connection, room, loss, from);
    }
  }

  /** Hands over a message that came over the channel just now, and records how long it took. */
  #handLive(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, offset: number, frame: Buffer): void {
    this.#hand(user, room, retention, feed, offset, frame);
    const { stats, now } = this.#options;
    stats.delivery[roomKind(room)].record((now() - publishedAt(frame)) / 1000);
  }

  #hand(user: LocalUser, room: string, retention: Retention, feed: PrivateFeed, offset: number, frame: Buffer): void {
    feed.deliveredUpTo(offset);
    const message = { offset, epoch: feed.epoch ?? '', frame, retention, isResync: false };
    for (const connection of this.#options.users.of(user.id)) {
      // The user's tokens may be of several kinds (A12): a customer's gets conversations only.
      if (mayEnter(connection.bearer.kind, room)) this.#deliveries.give(connection, room, message);
    }
  }

  /** As `PrivateDelivery.release`. */
  release(connection: Connection, room: string, delivery: Delivery, page?: Position): void {
    this.#deliveries.release(connection, room, delivery, page);
  }

  /**
   * Whether the user is here and still has access. Work that began before access was lost stops
   * (R7).
   */
  #isTheirs(user: LocalUser, room: string, feed: PrivateFeed): boolean {
    return this.#deliveries.isHere(user) && user.feeds.get(room) === feed;
  }
}
