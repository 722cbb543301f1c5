/** What came while the user had no session: sent at connect, oldest first, in pages, each only once the outbox has room for it (M6). */
import type { Broker } from '#libs/broker/broker.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { offlineMessage, offlineMessagesComplete } from '#libs/protocol/server-frame.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { CursorStore, MessageStore } from '#libs/store/store.ts';
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
  readonly clock: Clock;
}

export class OfflineMessages {
  readonly #options: OfflineMessagesOptions;
  /** `user room` to the highest offset that reached the user and was not stored yet when it was last looked at. */
  readonly #early = new Map<string, number>();

  constructor(options: OfflineMessagesOptions) {
    this.#options = options;
  }

  /**
   * Sends everything above the user's cursors, then `offline_messages_complete`; from then on messages of private rooms come as they are said. Follow
   * right after `welcome`. Never rejects: where the store or the broker is away it goes on when that is back.
   */
  async deliver(connection: Connection): Promise<void> {
    connection.behind = new Map();
    const sent = new Map<string, number>();
    let count = 0;
    while (connection.open) {
      const behind: ReadonlyMap<string, number> = connection.behind ?? new Map();
      connection.behind = new Map();
      try {
        const queues = await this.#queues(connection, sent, behind);
        count += await this.#send(connection, queues, sent);
        if (queues.length === 0 && connection.behind.size === 0) break;
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        for (const [room, offset] of behind) connection.behind.set(room, Math.min(offset, connection.behind.get(room) ?? offset));
        await this.#options.clock.wait(RETRY_MS);
      }
    }
    if (!connection.open) return;
    for (const [room, offset] of sent) this.#options.privateRooms.start(connection.user, room, offset);
    connection.send(offlineMessagesComplete(count));
    connection.behind = undefined;
    connection.unacknowledged = count > 0;
  }

  /** The user got everything up to here, a session of theirs says (M6). A store that is away keeps the older cursor: it is delivered again. */
  delivered(connection: Connection, room: string, offset: number): void {
    connection.saysDelivered = true;
    const { id } = connection.user;
    const key = `${id} ${room}`;
    const early = this.#early.get(key);
    if (early !== undefined) {
      this.#early.set(key, Math.max(early, offset));
      return;
    }
    const { cursors } = this.#options;
    cursors.advance(id, room, offset).then(
      (reached) => {
        if (!reached) void this.#remember(id, room, key, offset);
      },
      () => undefined,
    );
  }

  /** A sign of life of a client that never sends `delivered` counts as one for all that it was sent. */
  alive(connection: Connection): void {
    if (!connection.unacknowledged || connection.saysDelivered || connection.behind !== undefined) return;
    connection.unacknowledged = false;
    for (const [room, reached] of connection.user.reached ?? []) {
      if (reached.offset <= reached.acknowledged) continue;
      reached.acknowledged = reached.offset;
      this.#options.cursors.advance(connection.user.id, room, reached.offset).catch(() => {
        reached.acknowledged = 0;
      });
    }
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
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
    } finally {
      this.#early.delete(key);
    }
  }

  async #queues(connection: Connection, sent: ReadonlyMap<string, number>, behind: ReadonlyMap<string, number>): Promise<OfflineQueue[]> {
    const spans = new Map<string, Pick<OfflineSpan, 'from' | 'top' | 'historyFrom'>>();
    for (const { room, delivered, top, historyFrom } of await this.#options.cursors.waiting(connection.user.id)) {
      const from = sent.get(room) ?? delivered;
      if (from < top && mayEnter(connection.identity.kind, room)) spans.set(room, { from, top, historyFrom });
    }
    for (const [room, offset] of behind) {
      const from = sent.get(room) ?? offset - 1;
      const known = spans.get(room) ?? { from, top: offset, historyFrom: 0 };
      if (from < offset) spans.set(room, { ...known, from: Math.min(from, known.from), top: Math.max(offset, known.top) });
    }
    const page = Math.max(1, Math.min(PAGE_MESSAGES, Math.floor(READ_AHEAD / spans.size)));
    return Array.from(spans, ([room, span]) => new OfflineQueue(this.#options, { room, ...span, page }));
  }

  async #send(connection: Connection, queues: readonly OfflineQueue[], sent: Map<string, number>): Promise<number> {
    await Promise.all(queues.map((queue) => queue.fill()));
    let count = 0;
    for (let bytes = 0; ; ) {
      const queue = oldest(queues);
      const message = queue?.head;
      if (!connection.open) return count;
      if (queue === undefined || message === undefined) break;
      bytes += connection.send(offlineMessage(queue.room, message.offset, message.member));
      sent.set(queue.room, message.offset);
      count += 1;
      queue.shift();
      await queue.fill();
      if (bytes < PAGE_BYTES) continue;
      bytes = 0;
      await connection.outboxBelow(PAGE_BYTES);
    }
    // What was dropped for its age (HISTORY_DAYS) waits for nobody.
    for (const { room, top } of queues) sent.set(room, Math.max(top, sent.get(room) ?? 0));
    return count;
  }
}

function oldest(queues: readonly OfflineQueue[]): OfflineQueue | undefined {
  let first: OfflineQueue | undefined;
  for (const queue of queues) {
    if (queue.head !== undefined && (first?.head === undefined || queue.head.at < first.head.at)) first = queue;
  }
  return first;
}
