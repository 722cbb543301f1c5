/**
 * Finds out which messages reached a client that never sends `delivered` (M6). A frame that was
 * handed to the socket may still be in the outbox, in a buffer of the system, or on its way. A pong
 * proves that every frame sent before its ping has arrived: both ends keep the order.
 */

import type { Connection } from '#libs/hub/sessions/connection.ts';
import type { PrivateFeed } from '#libs/hub/sessions/private-feed.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { CursorStore } from '#libs/store/message-store.ts';
import type { Background } from '#libs/telemetry/background.ts';

/** Milliseconds after which a client that answered other pings is asked again. */
const AGAIN_MS = 1000;

export interface ReceiptsOptions {
  readonly cursors: Pick<CursorStore, 'advance'>;
  readonly background: Background;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
}

export class Receipts {
  readonly #options: ReceiptsOptions;
  #pings = 0;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  /**
   * Call for each frame of the client. Sends a ping if messages are unacknowledged. Costs two
   * comparisons otherwise.
   */
  alive(connection: Connection): void {
    const { receipts } = connection;
    if (!receipts.isDue || !connection.deliveries.isCaughtUp) return;
    const upTo = sentTo(connection, receipts.take());
    if (upTo.size === 0) return;
    this.#pings += 1;
    const ping = this.#pings.toString(36);
    receipts.ask({ ping, upTo }, this.#options.steady());
    connection.ping(ping);
  }

  /** The client answered the ping with this text; uWebSockets.js's own have none. */
  ponged(connection: Connection, ping: string): void {
    const { receipts } = connection;
    const { asked } = receipts;
    if (asked === undefined) this.alive(connection);
    else if (asked.ping === ping) this.#advance(connection, receipts.answered());
    // A client may answer the newest of several pings only: it is asked again.
    else if (receipts.asksAgain(this.#options.steady(), AGAIN_MS)) connection.ping(asked.ping);
  }

  #advance({ user }: Connection, upTo: ReadonlyMap<string, number>): void {
    const { cursors, background } = this.#options;
    for (const [room, offset] of upTo) {
      const feed = user.feeds.get(room);
      feed?.acknowledge(offset);
      background.run(
        'cursors',
        () => cursors.advance(user.id, room, offset),
        () => feed?.notAcknowledged(),
      );
    }
  }
}

/**
 * Room to the offset up to which everything above the cursor was sent to the connection; only rooms
 * whose cursor is behind it.
 */
function sentTo(connection: Connection, offline: ReadonlyMap<string, number>): Map<string, number> {
  const upTo = new Map(offline);
  for (const [room, feed] of connection.user.feeds) {
    const offset = handedTo(connection, room, feed);
    if (offset > feed.acknowledged && offset > (upTo.get(room) ?? 0)) upTo.set(room, offset);
  }
  return upTo;
}

/** The offset up to which a private room was handed to this connection of the user. */
function handedTo(connection: Connection, name: string, { offset }: PrivateFeed): number {
  return connection.deliveries.get(name) !== undefined || !mayEnter(connection.bearer.kind, name) ? 0 : offset;
}
