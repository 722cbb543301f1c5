/**
 * Entering and leaving rooms, and the way from a position to live delivery (M4, M5).
 *
 * A connection gets a room's live publications from the moment its last `joined` frame is sent.
 * That frame is cut exactly at the offset the relay has reached, in one go with the subscription to
 * the room's topic: nothing can come between, nothing comes twice.
 *
 * A page is sent only if the outbox has room for it at that moment. Otherwise one frame that joins
 * a hundred rooms could fill the outbox.
 */
import type { Broker, Page } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Delivery, isEntering } from '#libs/hub/sessions/delivery.ts';
import type { Faults } from '#libs/hub/sessions/faults.ts';
import { logItems, newestItems } from '#libs/messages/message-page.ts';
import type { Membership } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Position } from '#libs/protocol/frame-types.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { joinedHead, joinedLive } from '#libs/protocol/server-frame.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Counts } from './counts.ts';
import { hasItems, joinedAgain, joinedPage, privatePage, roomPage } from './joined-page.ts';
import type { PrivateRooms } from './private-rooms.ts';

const PAGE = { count: PAGE_MESSAGES, bytes: PAGE_BYTES };
const POSITION_ONLY = { count: 1, bytes: 1 };
/** Milliseconds after which a relay that is behind does not catch up by itself. */
const CATCH_UP_MS = 5000;

/** The two ways to the user's membership. */
interface MembershipSource {
  /** Returns it if no I/O is needed. Throws `HubError` if the name of the room refuses the user. */
  known(): Membership | undefined;
  /** Asks for it. Rejects with `HubError`. */
  ask(): Promise<Membership>;
}

export interface JoinsOptions {
  readonly rooms: Rooms;
  readonly counts: Counts;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly stats: HubStats;
  readonly faults: Faults;
  readonly privateRooms: Pick<PrivateRooms, 'release'>;
  readonly background: Background;
  readonly roomLimit: number;
  readonly clock: Pick<Clock, 'steady' | 'wait'>;
}

/** The latest page of a room below the offset that the relay had reached when it was asked for. */
interface LatestPage {
  readonly epoch: string;
  readonly offset: number;
  readonly page: Page;
}

export class Joins {
  readonly #options: JoinsOptions;
  /** Reads of latest pages that are under way. */
  readonly #latest = new WeakMap<Room, Promise<LatestPage>>();

  constructor(options: JoinsOptions) {
    this.#options = options;
  }

  /**
   * Enters a room. Each call gets one answer with its `id`: `joined` (several pages, if much was
   * missed) or `error`, unless the connection ends. A join that comes while another of the same
   * room is under way shares its outcome. Joining twice is harmless: the second answer has nothing
   * to recover.
   *
   * @param membership Looked at in this turn: a `message` right behind the join of an open room
   *   finds the room joined.
   */
  join(connection: Connection, id: string | undefined, name: string, since: Position | undefined, membership: MembershipSource): void {
    if (!connection.open) return;
    const underWay = connection.deliveries.get(name);
    if (underWay !== undefined && isEntering(underWay.state)) {
      underWay.share(id);
      return;
    }
    const known = connection.room(name);
    if (known !== undefined) {
      connection.send(joinedAgain(connection, known, id));
      return;
    }
    const delivery = Delivery.join(id, this.#options.clock.steady(), underWay);
    connection.deliveries.begin(name, delivery);
    const failed = (error: unknown): void => this.#fail(connection, name, delivery, this.#options.faults.report(error, connection));
    try {
      const entered = membership.known();
      if (entered !== undefined) this.#begin(connection, delivery, entered, since);
      else
        membership
          .ask()
          .then((answer) => this.#begin(connection, delivery, answer, since))
          .catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * Leaves a room, or gives up the join of it: that is answered `NOT_JOINED`. False if the
   * connection was neither in it nor on its way.
   */
  leave(connection: Connection, name: string): boolean {
    return (
      this.#cancel(connection, name, new HubError('NOT_JOINED', `You left ${name} before the join was done: join it again.`)) ||
      this.#leave(connection, name)
    );
  }

  /**
   * The room is not open to the user any more: a join under way is answered with `reason`. True if
   * the connection was in the room.
   */
  takeOut(connection: Connection, name: string, reason: HubError): boolean {
    return !this.#cancel(connection, name, reason) && this.#leave(connection, name);
  }

  /** Takes a closed connection out of every room. */
  leaveAll(connection: Connection): void {
    for (const room of connection.rooms) this.#exit(connection, room);
    connection.deliveries.endAll();
  }

  #leave(connection: Connection, name: string): boolean {
    const room = connection.room(name);
    if (room === undefined) return false;
    connection.unsubscribe(room.topic);
    if (connection.wantsEvents) connection.unsubscribe(room.eventsTopic);
    this.#exit(connection, room);
    return true;
  }

  #cancel(connection: Connection, name: string, error: HubError): boolean {
    const delivery = connection.deliveries.get(name);
    if (delivery === undefined || !isEntering(delivery.state)) return false;
    this.#fail(connection, name, delivery, error);
    return true;
  }

  /** Ends a join under way; does nothing to one that has ended. */
  #fail(connection: Connection, name: string, delivery: Delivery, error: HubError): void {
    if (connection.deliveries.get(name) !== delivery) return;
    // In this order: a connection that is still entering has no subscription to give back.
    if (delivery.room !== undefined) this.#exit(connection, delivery.room);
    connection.deliveries.end(name);
    for (const id of delivery.ids) connection.sendError(id, error, name);
    this.#options.privateRooms.release(connection, name, delivery);
  }

  /** @throws HubError `ROOM_LIMIT`. */
  #begin(connection: Connection, delivery: Delivery, membership: Membership, since: Position | undefined): void {
    const { rooms, roomLimit } = this.#options;
    if (connection.deliveries.get(membership.room) !== delivery) return;
    if (connection.rooms.length >= roomLimit) {
      throw new HubError('ROOM_LIMIT', `This connection is in ${roomLimit} rooms (ROOM_LIMIT): leave one first.`);
    }
    const room = rooms.acquire(membership, connection.user.id);
    connection.entered(room);
    delivery.enter(room);
    this.#options.background.run(
      'joins',
      () => this.#enter(connection, room, delivery, since),
      () => connection.end('UNAVAILABLE'),
    );
  }

  /** Never rejects. */
  async #enter(connection: Connection, room: Room, delivery: Delivery, since: Position | undefined): Promise<void> {
    const wanted = (): boolean => connection.deliveries.get(room.name) === delivery;
    const [id] = delivery.ids;
    const { user } = connection;
    const isFirst = room.userEntered(user);
    try {
      // Counts come as signals: presence is asked only once those are listened to, or a change in
      // between would never be seen.
      await this.#options.rooms.opened(room, user.id);
      // Also if this connection left meanwhile: another one of the user may rely on the
      // announcement by the first.
      await (isFirst && room.users.has(user) ? room.announce(user, () => this.#enterPresence(room, connection)) : room.entry(user));
      if (!wanted()) return;
      delivery.recover();
      if (room.isPrivate) await this.#deliverPrivate(connection, room, id, since, wanted);
      else if (room.keeps) await this.#deliver(connection, room, id, since, wanted);
      else this.#goLive(connection, room, joinedLive(id, room.name, room.count));
    } catch (error) {
      this.#fail(connection, room.name, delivery, this.#options.faults.report(error, connection));
    }
  }

  async #enterPresence(room: Room, { user: { id, name }, bearer: { kind } }: Connection): Promise<void> {
    const { countSignals } = room;
    // A signal that comes meanwhile may be newer than the answer; the signals by themselves end at
    // the truth.
    room.countAnswered(await this.#options.presence.enter(room.name, { id, name, kind }), countSignals);
  }

  /**
   * Sends missed publications in pages, each once the outbox has room for it, and goes live with
   * the last page.
   */
  async #deliver(
    connection: Connection,
    room: Room,
    id: string | undefined,
    since: Position | undefined,
    wanted: () => boolean,
  ): Promise<void> {
    const { broker } = this.#options;
    if (since === undefined) return this.#fresh(connection, room, id, wanted);
    if (since.epoch !== room.epoch || since.offset > room.offset) {
      await this.#catchUp(room, since);
      if (!wanted()) return;
    }
    let reached = since.offset;
    while (since.epoch === room.epoch && reached <= room.offset) {
      if (!connection.hasPlace(PAGE_BYTES)) {
        await connection.outboxBelow(PAGE_BYTES);
        if (!wanted()) return;
        continue;
      }
      const rest = room.recent.after(reached) ?? (reached === room.offset ? [] : undefined);
      if (rest !== undefined) {
        this.#found(connection, room, 'recovered');
        return this.#goLive(connection, room, roomPage(room, id, true, logItems(room.name, rest, connection.wantsEvents), false));
      }
      const page = await broker.after(room.name, reached, PAGE);
      while (!connection.hasPlace(PAGE_BYTES)) await connection.outboxBelow(PAGE_BYTES);
      if (!wanted()) return;
      if (!page.complete || page.position.epoch !== since.epoch || room.epoch !== since.epoch) break;
      // Publications that the relay has not reached yet come live.
      const missed = page.publications.filter(({ offset }) => offset <= room.offset);
      const last = missed.at(-1);
      if (last === undefined) break;
      const items = logItems(room.name, missed, connection.wantsEvents);
      if (hasItems(items)) connection.send(roomPage(room, id, true, items, true));
      reached = last.offset;
    }
    this.#found(connection, room, 'lost');
    return this.#fresh(connection, room, id, wanted);
  }

  /**
   * A client may come from a node that is ahead, with a newer position than this node's relay. That
   * is no loss: the join waits for the relay. If the broker does not know the position either, it
   * is reported as a loss.
   *
   * A silent room does not show this node that a new sequence began. Then the wait is in vain: the
   * client gets a loss, and `resync` with the next message.
   * @throws HubError `UNAVAILABLE` if the relay stays behind in the same epoch.
   */
  async #catchUp(room: Room, since: Position): Promise<void> {
    const { broker, clock } = this.#options;
    const { position } = await broker.after(room.name, since.offset, POSITION_ONLY);
    if (position.epoch !== since.epoch || position.offset < since.offset) return;
    // If this node has another epoch than the broker, it is about to start the new sequence.
    const goal = room.epoch === since.epoch ? since.offset : Number.POSITIVE_INFINITY;
    await room.reached(goal, clock.wait(CATCH_UP_MS));
    if (room.epoch === since.epoch && room.offset < since.offset) throw new HubError('UNAVAILABLE');
  }

  /** Goes live with the latest page. */
  async #fresh(connection: Connection, room: Room, id: string | undefined, wanted: () => boolean): Promise<void> {
    let items: Buffer | undefined;
    for (;;) {
      items = room.latestItems();
      if (items !== undefined) {
        if (connection.hasPlace(PAGE_BYTES)) break;
        // The room goes on meanwhile: the page is cut again.
        await connection.outboxBelow(PAGE_BYTES);
        if (!wanted()) return;
        continue;
      }
      const { epoch, offset, page } = await this.#latestOf(room);
      while (!connection.hasPlace(PAGE_BYTES)) await connection.outboxBelow(PAGE_BYTES);
      if (!wanted()) return;
      const tail = room.recent.after(offset);
      if (room.epoch !== epoch || tail === undefined) continue;
      items = newestItems(room.name, [...page.publications, ...tail]);
      room.keepLatestItems(items);
      break;
    }
    this.#goLive(connection, room, roomPage(room, id, false, { messages: items, events: undefined }, false));
  }

  /**
   * The latest page, from the broker. Joins of one moment share the answer: a crowd that comes back
   * asks once.
   */
  #latestOf(room: Room): Promise<LatestPage> {
    const asked = this.#latest.get(room);
    if (asked !== undefined) return asked;
    const { epoch, offset } = room;
    const latest = this.#options.broker
      .before(room.name, offset + 1, PAGE)
      .then((page) => ({ epoch, offset, page }))
      .finally(() => this.#latest.delete(room));
    this.#latest.set(room, latest);
    return latest;
  }

  /**
   * As `#deliver`, of a private room. Its messages come over the user's own channel, and are held
   * until the page is sent: so the page is cut where the broker stands, and what was held follows
   * from there.
   */
  async #deliverPrivate(
    connection: Connection,
    room: Room,
    id: string | undefined,
    since: Position | undefined,
    wanted: () => boolean,
  ): Promise<void> {
    let from = since;
    while (from !== undefined) {
      const { epoch, offset } = from;
      const page = await this.#read(connection, () => this.#options.broker.after(room.name, offset, PAGE));
      if (!wanted()) return;
      const { position, publications } = page;
      if (!page.complete || position.epoch !== epoch || position.offset < offset) break;
      const upTo = { epoch, offset: publications.at(-1)?.offset ?? offset };
      if (!page.more || upTo.offset >= position.offset) {
        this.#found(connection, room, 'recovered');
        this.#goLive(connection, room, privatePage(connection, room, id, true, { position: upTo, publications }, false), upTo);
        return;
      }
      const items = logItems(room.name, publications, connection.wantsEvents);
      if (hasItems(items))
        connection.send(joinedPage(joinedHead(id, { ...position, room: room.name, count: room.count, recovered: true }), items, true));
      from = upTo;
    }
    if (since !== undefined) this.#found(connection, room, 'lost');
    const page = await this.#read(connection, () => this.#latestPrivate(room.name));
    if (wanted()) this.#goLive(connection, room, privatePage(connection, room, id, false, page, false), page.position);
  }

  /** The latest page. If the room has no sequence yet, it begins with this. */
  async #latestPrivate(room: string): Promise<Page> {
    const { broker } = this.#options;
    const page = await broker.before(room, Number.POSITIVE_INFINITY, PAGE);
    return page.position.epoch === '' ? broker.after(room, 0, PAGE) : page;
  }

  /** A page, read and given out only while the outbox has place for it. */
  async #read(connection: Connection, read: () => Promise<Page>): Promise<Page> {
    await connection.outboxBelow(PAGE_BYTES);
    const page = await read();
    await connection.outboxBelow(PAGE_BYTES);
    return page;
  }

  #found(connection: Connection, room: Room, result: 'recovered' | 'lost'): void {
    this.#options.stats.recovered(result);
    connection.deliveries.get(room.name)?.found(result);
  }

  /** @param page Where the page of a private room was cut. */
  #goLive(connection: Connection, room: Room, joined: string | Uint8Array, page?: Position): void {
    connection.send(joined);
    this.#options.counts.sentRoom(connection, room);
    connection.subscribe(room.topic);
    if (connection.wantsEvents) connection.subscribe(room.eventsTopic);
    room.subscribed(connection.wantsEvents);
    const delivery = connection.deliveries.get(room.name);
    connection.deliveries.end(room.name);
    const { stats, clock } = this.#options;
    if (delivery !== undefined) stats.joins[delivery.outcome][room.kind].record((clock.steady() - delivery.startedAt) / 1000);
    if (delivery !== undefined && page !== undefined) this.#options.privateRooms.release(connection, room.name, delivery, page);
    for (const id of delivery?.ids.slice(1) ?? []) connection.send(joinedAgain(connection, room, id));
  }

  #exit(connection: Connection, room: Room): void {
    if (!connection.exited(room)) return;
    const delivery = connection.deliveries.get(room.name);
    if (delivery === undefined || !isEntering(delivery.state)) room.unsubscribed(connection.wantsEvents);
    const { user } = connection;
    if (room.userLeft(user)) this.#options.background.run('presence', () => this.#options.presence.leave(room.name, user));
    this.#options.rooms.release(room, this.#options.clock.steady());
  }
}
