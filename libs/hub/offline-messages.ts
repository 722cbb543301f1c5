/** What came while the user had no session: sent at connect, oldest first, in pages, each only once the outbox has room for it (M6). */
import type { Broker } from '#libs/broker/broker.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { offlineMessage, offlineMessagesComplete } from '#libs/protocol/server-frame.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { CursorStore, MessageStore } from '#libs/store/store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { OfflineQueue, type OfflineSpan } from './offline-queue.ts';
import type { PrivateRooms } from './private-rooms.ts';

/** Messages of all rooms read ahead for one connection, about. */
const READ_AHEAD = 1000;
const RETRY_MS = 2000;
/** What reached a user before it was stored is said again to the store: after so long at first, doubled each time, so often. */
const EARLY_MS = 100;
const EARLY_TRIES = 9;

export interface OfflineMessagesOptions {
  readonly cursors: Pick<CursorStore, 'waiting' | 'advance'>;
  readonly messages: Pick<MessageStore, 'after'>;
  readonly broker: Pick<Broker, 'after'>;
  readonly privateRooms: Pick<PrivateRooms, 'start'>;
  readonly clock: Pick<Clock, 'wait'>;
  readonly background: Background;
}

export class OfflineMessages {
  readonly #options: OfflineMessagesOptions;
  /** `user room` to the highest offset that reached the user and was not stored yet when it was last looked at. */
  readonly #early = new Map<string, number>();

  constructor(options: OfflineMessagesOptions) {
    this.#options = options;
  }

  /**
   * Sends everything above the user's cursors that others said, then `offline_messages_complete`; from then on messages of private rooms come as they are said. Follow
   * right after `welcome`. Where the store or the broker is away it goes on when that is back. Where it fails the client connects again: it was not told that all
   * has come.
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
    connection.behind = new Map();
    const progress: Progress = { sent: new Map(), handed: new Map(), ownSent: new Map(), own: [] };
    let count = 0;
    while (connection.open) {
      const behind: ReadonlyMap<string, number> = connection.behind ?? new Map();
      connection.behind = new Map();
      try {
        const queues = await this.#queues(connection, progress, behind);
        count += await this.#send(connection, queues, progress);
        this.#passOwn(connection.user.id, progress.own);
        if (queues.length === 0 && connection.behind.size === 0) break;
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        for (const [room, offset] of behind) connection.behind.set(room, Math.min(offset, connection.behind.get(room) ?? offset));
        await this.#options.clock.wait(RETRY_MS);
      }
    }
    if (!connection.open) return;
    for (const [room, offset] of progress.sent) if (isPrivateRoom(room)) this.#options.privateRooms.start(connection, room, offset);
    connection.send(offlineMessagesComplete(count));
    connection.behind = undefined;
    if (count > 0) connection.offlineSent = progress.sent;
    connection.unacknowledged = count > 0;
  }

  /** The user got everything up to here, a session of theirs says (M6). A store that is away keeps the older cursor: it is delivered again. */
  delivered(connection: Connection, room: string, offset: number): void {
    connection.saysDelivered = true;
    connection.offlineSent = undefined;
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

  /** A message of a group is seen before it is stored, and said to be delivered a moment later: what the store does not know yet is tried again. */
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
        // A room that goes on: what came meanwhile has its time from now.
        tries = -1;
      }
    } finally {
      this.#early.delete(key);
    }
  }

  async #queues(connection: Connection, progress: Progress, behind: ReadonlyMap<string, number>): Promise<OfflineQueue[]> {
    const { sent, handed, ownSent } = progress;
    const spans = new Map<string, Omit<OfflineSpan, 'room' | 'user' | 'page'>>();
    const cursors = new Map<string, number>();
    for (const { room, delivered, top, historyFrom } of await this.#options.cursors.waiting(connection.user.id)) {
      const from = sent.get(room) ?? delivered;
      if (from >= top || !mayEnter(connection.identity.kind, room)) continue;
      spans.set(room, { from, top, historyFrom, sent: from, ownFrom: Number.POSITIVE_INFINITY });
      if (from === delivered) cursors.set(room, delivered);
    }
    for (const [room, offset] of behind) {
      // What the user says on another device meanwhile comes here, too, also where it was passed over before its signal came.
      const reached = sent.get(room) ?? offset - 1;
      const known = spans.get(room) ?? { from: reached, top: offset, historyFrom: 0, sent: reached };
      spans.set(room, {
        ...known,
        from: Math.min(known.from, offset - 1),
        top: Math.max(offset, reached, known.top),
        // Never behind what another one said: a message that is late keeps its place in the history.
        ownFrom: Math.max(offset, (handed.get(room) ?? 0) + 1, (ownSent.get(room) ?? 0) + 1),
      });
    }
    const page = Math.max(1, Math.min(PAGE_MESSAGES, Math.floor(READ_AHEAD / spans.size)));
    const { id: user } = connection.user;
    const queues = Array.from(spans, ([room, span]) => new OfflineQueue(this.#options, { room, user, ...span, page }));
    progress.own = queues.flatMap((queue) => {
      const delivered = cursors.get(queue.room);
      return delivered === undefined ? [] : [{ queue, delivered }];
    });
    return queues;
  }

  async #send(connection: Connection, queues: readonly OfflineQueue[], { sent, handed, ownSent }: Progress): Promise<number> {
    await Promise.all(queues.map((queue) => queue.fill()));
    let count = 0;
    for (let bytes = 0; ; ) {
      const queue = oldest(queues);
      const message = queue?.head;
      if (!connection.open) return count;
      if (queue === undefined || message === undefined) break;
      bytes += connection.send(offlineMessage(queue.room, message.offset, message.member));
      raise(message.own ? ownSent : sent, queue.room, message.offset);
      if (!message.own) raise(handed, queue.room, message.offset);
      count += 1;
      queue.shift();
      await queue.fill();
      if (bytes < PAGE_BYTES) continue;
      bytes = 0;
      await connection.outboxBelow(PAGE_BYTES);
    }
    // What was dropped for its age (HISTORY_DAYS) waits for nobody.
    for (const { room, top } of queues) raise(sent, room, top);
    return count;
  }

  /** The cursor goes over what nobody else said: it is not read again at each connect. Never above what another one said and was not delivered yet. */
  #passOwn(user: string, stretches: readonly OwnStretch[]): void {
    for (const { queue, delivered } of stretches) {
      const { room, ownUpTo } = queue;
      // Lost where the store is away: it is passed over again.
      if (ownUpTo > delivered) this.#options.background.run('cursors', () => this.#options.cursors.advance(user, room, ownUpTo));
    }
  }
}

interface OwnStretch {
  readonly queue: OfflineQueue;
  readonly delivered: number;
}

/** How far a connection has come. */
interface Progress {
  /** Room to the offset up to which what others said was sent. */
  readonly sent: Map<string, number>;
  /** Room to the highest offset that another one said, and was sent. */
  readonly handed: Map<string, number>;
  /** Room to the highest offset that the user said, and was sent. */
  readonly ownSent: Map<string, number>;
  /** The queues that begin at the user's cursors, and these. */
  own: readonly OwnStretch[];
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
