/**
 * Messages that arrived while the user had no session. They are sent at connect, oldest first, in
 * pages, each once the outbox has room (M6).
 */
import type { Broker } from '#libs/broker/broker.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { MembershipStamp, MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { type RoomAccess, Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isDeliveredAfterEnd, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { CursorStore, MessageStore } from '#libs/store/message-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { OfflineQueue, type OfflineSpan } from './offline-queue.ts';
import type { PrivateRooms } from './private-rooms.ts';

/** Messages of all rooms read ahead for one connection, about. */
const READ_AHEAD = 1000;
const RETRY_MS = 2000;
/**
 * Retries a cursor update for a message that is not stored yet: first after `EARLY_MS`, doubling,
 * at most `EARLY_TRIES` times.
 */
const EARLY_MS = 100;
const EARLY_TRIES = 9;

export interface OfflineMessagesOptions {
  readonly cursors: Pick<CursorStore, 'waiting' | 'advance'>;
  readonly messages: Pick<MessageStore, 'after'>;
  readonly broker: Pick<Broker, 'after'>;
  readonly privateRooms: Pick<PrivateRooms, 'start'>;
  readonly access: Pick<RoomAccess, 'standing'>;
  /** Whether a room changed since the user was known to be in it (R7). */
  readonly validity: Pick<MembershipValidity, 'stamp' | 'stands'>;
  readonly clock: Pick<Clock, 'wait'>;
  readonly background: Background;
}

export class OfflineMessages {
  readonly #options: OfflineMessagesOptions;
  /**
   * `user room` to the highest offset that reached the user and was not stored yet when it was last
   * looked at.
   */
  readonly #early = new Map<string, number>();

  constructor(options: OfflineMessagesOptions) {
    this.#options = options;
  }

  /**
   * Sends the messages of others above the user's cursors, then `offline_messages_complete`. From
   * then on messages of private rooms come live. Call it right after `welcome`.
   *
   * If a room changes on the way, access is asked for again: a user who lost it gets nothing more
   * of it (R7). If the store or the broker is away, delivery goes on once it is back. If delivery
   * fails, the connection ends, and the client connects again.
   */
  deliver(connection: Connection): void {
    this.#options.background.run(
      'offline-messages',
      () => this.#deliver(connection),
      () => connection.end('UNAVAILABLE'),
    );
  }

  /** Rejects with bugs only. */
  async #deliver(connection: Connection): Promise<void> {
    const progress: Progress = {
      sent: new Map(),
      handed: new Map(),
      ownSent: new Map(),
      own: [],
      frames: 0,
      asOf: this.#options.validity.stamp(),
    };
    let count = 0;
    while (connection.open) {
      // At first these are the messages that were published while the connection registered.
      const behind = connection.deliveries.takePostponed();
      try {
        const queues = await this.#queues(connection, progress, behind);
        count += await this.#send(connection, queues, progress);
        this.#passOwn(connection.user.id, progress.own);
        for (const { room, abandoned } of queues) if (abandoned) putBack(connection, room, behind);
        if (queues.length === 0 && connection.deliveries.postponed.size === 0 && this.#areTheirs(progress)) break;
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        for (const room of behind.keys()) putBack(connection, room, behind);
        await this.#options.clock.wait(RETRY_MS);
      }
    }
    if (!connection.open) return;
    for (const [room, offset] of progress.sent) if (isPrivateRoom(room)) this.#options.privateRooms.start(connection, room, offset);
    connection.send(buildFrame('offline_messages_complete', { count }));
    connection.deliveries.caughtUp();
    if (progress.frames > 0) connection.receipts.sentOffline(progress.sent);
  }

  /**
   * A session sent `delivered` (M6). If the store is away, the older cursor stays and the messages
   * are delivered again.
   */
  delivered(connection: Connection, room: string, offset: number): void {
    connection.receipts.reported();
    const { id } = connection.user;
    const key = `${id} ${room}`;
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.set(key, Math.max(early, offset));
      return;
    }
    const { cursors, background } = this.#options;
    background.run('cursors', async () => {
      if (!(await cursors.advance(id, room, offset))) await this.#remember(id, room, key, offset);
    });
  }

  /**
   * Retries a cursor update for a message that is not stored yet. A group's message is shown before
   * it is stored.
   */
  async #remember(user: string, room: string, key: string, offset: number): Promise<void> {
    const { clock, cursors } = this.#options;
    const remembered = this.#early.get(key);
    this.#early.set(key, Math.max(offset, remembered ?? 0));
    if (remembered !== undefined) return;
    try {
      for (let tries = 0; tries < EARLY_TRIES; tries += 1) {
        await clock.wait(EARLY_MS * 2 ** tries);
        const highest = this.#early.get(key) ?? offset;
        if (!(await cursors.advance(user, room, highest))) continue;
        if (this.#early.get(key) === highest) return;
        // The room goes on: the newer offset has its time from now.
        tries = -1;
      }
    } finally {
      this.#early.delete(key);
    }
  }

  async #queues(connection: Connection, progress: Progress, behind: ReadonlyMap<string, number>): Promise<OfflineQueue[]> {
    const { sent, handed, ownSent } = progress;
    const spans = new Map<string, Omit<OfflineSpan, 'room' | 'user' | 'page' | 'wantsEvents'>>();
    const cursors = new Map<string, number>();
    const asOf = this.#options.validity.stamp();
    const waiting = await this.#options.cursors.waiting(connection.user.id);
    const lost = await this.#lost(connection.user.id, new Set(waiting.map(({ room }) => room)), progress, behind);
    // A room that is gained again begins at its cursor.
    for (const room of lost) for (const offsets of [sent, handed, ownSent]) offsets.delete(room);
    progress.asOf = asOf;
    for (const { room, delivered, top, historyFrom } of waiting) {
      const from = sent.get(room) ?? delivered;
      if (from >= top || !mayEnter(connection.bearer.kind, room)) continue;
      spans.set(room, { from, top, historyFrom, sent: from, ownFrom: Number.POSITIVE_INFINITY });
      if (from === delivered) cursors.set(room, delivered);
    }
    for (const [room, offset] of behind) {
      if (lost.has(room) || !mayEnter(connection.bearer.kind, room)) continue;
      // Messages that the user publishes on another device meanwhile come here, too, even if they
      // were passed over before their signal arrived.
      const reached = sent.get(room) ?? offset - 1;
      const known = spans.get(room) ?? { from: reached, top: offset, historyFrom: 0, sent: reached };
      spans.set(room, {
        ...known,
        from: Math.min(known.from, offset - 1),
        top: Math.max(offset, reached, known.top),
        // Never after a later message of somebody else: a late one keeps its place in the history.
        ownFrom: Math.max(offset, (handed.get(room) ?? 0) + 1, (ownSent.get(room) ?? 0) + 1),
      });
    }
    const page = Math.max(1, Math.min(PAGE_MESSAGES, Math.floor(READ_AHEAD / spans.size)));
    const { id: user } = connection.user;
    const { wantsEvents } = connection;
    const queues = Array.from(spans, ([room, span]) => new OfflineQueue(this.#options, { room, user, wantsEvents, ...span, page }));
    progress.own = queues.flatMap((queue) => {
      const delivered = cursors.get(queue.room);
      return delivered === undefined ? [] : [{ queue, delivered }];
    });
    return queues;
  }

  /**
   * Resolves to the rooms that the user has lost, among those without waiting messages: rooms with
   * a signal, whose messages another session may have acknowledged, and rooms that changed since
   * the user was known to be a member. Rejects with `HubError` `UNAVAILABLE`.
   */
  async #lost(
    user: string,
    listed: ReadonlySet<string>,
    { sent, asOf }: Progress,
    behind: ReadonlyMap<string, number>,
  ): Promise<Set<string>> {
    const { validity, access } = this.#options;
    const changed = [...sent.keys()].filter((room) => !validity.stands(room, asOf));
    const doubtful = [...new Set([...behind.keys(), ...changed])].filter((room) => !listed.has(room));
    const standings = await Promise.all(doubtful.map((room) => access.standing(user, room)));
    return new Set(doubtful.filter((room, i) => !mayRead(room, standings[i])));
  }

  /** Whether no room of which something was sent changed since it was known to be the user's. */
  #areTheirs({ sent, asOf }: Progress): boolean {
    return [...sent.keys()].every((room) => this.#options.validity.stands(room, asOf));
  }

  async #send(connection: Connection, queues: readonly OfflineQueue[], progress: Progress): Promise<number> {
    const { sent, handed, ownSent } = progress;
    await Promise.all(queues.map((queue) => queue.fill()));
    let count = 0;
    for (let bytes = 0; ; ) {
      const queue = oldest(queues);
      const message = queue?.head;
      if (!connection.open) return count;
      if (queue === undefined || message === undefined) break;
      // The room changed, or a newer token opens fewer: it is asked about again.
      if (!this.#options.validity.stands(queue.room, progress.asOf) || !mayEnter(connection.bearer.kind, queue.room)) {
        queue.abandon();
        continue;
      }
      bytes += connection.send(message.frame);
      progress.frames += 1;
      raise(message.own ? ownSent : sent, queue.room, message.offset);
      if (!message.own) raise(handed, queue.room, message.offset);
      if (message.isMessage) count += 1;
      queue.shift();
      await queue.fill();
      if (bytes < PAGE_BYTES) continue;
      bytes = 0;
      await connection.outboxBelow(PAGE_BYTES);
    }
    // Messages that were dropped for their age (HISTORY_DAYS) wait for nobody.
    for (const { room, top, abandoned } of queues) if (!abandoned) raise(sent, room, top);
    return count;
  }

  /**
   * Moves the cursor over the user's own messages, so that they are not read at each connect; never
   * above an undelivered one of somebody else.
   */
  #passOwn(user: string, stretches: readonly OwnStretch[]): void {
    for (const { queue, delivered } of stretches) {
      const { room, ownUpTo } = queue;
      // If the store is away, the next connect moves it.
      if (ownUpTo > delivered) this.#options.background.run('cursors', () => this.#options.cursors.advance(user, room, ownUpTo));
    }
  }
}

interface OwnStretch {
  readonly queue: OfflineQueue;
  readonly delivered: number;
}

/** The progress of one connection. */
interface Progress {
  /** Room to the offset up to which the messages of others were sent. */
  readonly sent: Map<string, number>;
  /** Room to the highest offset of somebody else that was sent. */
  readonly handed: Map<string, number>;
  /** Room to the highest offset of the user's own messages that was sent. */
  readonly ownSent: Map<string, number>;
  /** Frames sent: messages and other events. */
  frames: number;
  /** The queues that begin at the user's cursors, and these. */
  own: readonly OwnStretch[];
  /** When all these rooms were the user's. */
  asOf: MembershipStamp;
}

/** Messages signalled in the room, that were not sent, are looked for once more. */
function putBack(connection: Connection, room: string, signalled: ReadonlyMap<string, number>): void {
  const offset = signalled.get(room);
  if (offset !== undefined) connection.deliveries.postpone(room, offset);
}

function mayRead(room: string, standing: Standing | undefined): boolean {
  if (standing === undefined || standing === Standing.stranger) return false;
  return standing === Standing.member || isDeliveredAfterEnd(room);
}

function raise(offsets: Map<string, number>, room: string, offset: number): void {
  offsets.set(room, Math.max(offset, offsets.get(room) ?? 0));
}

function oldest(queues: readonly OfflineQueue[]): OfflineQueue | undefined {
  let first: OfflineQueue | undefined;
  for (const queue of queues) {
    if (queue.head !== undefined && (first?.head === undefined || queue.head.at < first.head.at)) first = queue;
  }
  return first;
}
