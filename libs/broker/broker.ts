/**
 * The port between nodes: ordered publications of rooms, and signals that are not kept.
 *
 * A *room* topic carries publications and signals. Each publication has an offset, one higher than
 * the last, in one order for all nodes (M3). The broker delivers publications without a gap, or
 * reports that it cannot (`reset`). A signal has no offset and is delivered at most once. If a
 * connection breaks, signals may be lost, and `healed` is called afterwards. A *user* topic carries
 * signals only.
 *
 * Example: a listener got offsets 1 to 3 of a room. If 4 is lost with a connection, it gets 4
 * before 5. If 4 has left the stream and the archive does not have it, it gets `reset` with the
 * position 5.
 */
import type { EventTarget } from '#libs/protocol/room-event.ts';

/** A topic: a room by its name, or the channel of one user. */
export type Topic = `r:${string}` | `u:${string}`;

/**
 * A position in a room's sequence. `epoch` changes if the sequence was lost or may have gone back
 * (M3).
 */
export interface Position {
  readonly epoch: string;
  /** The offset of the newest publication; 0 if there is none yet. */
  readonly offset: number;
}

/**
 * One kept event of a room's log: a message or another kind (M7). `frame` is the finished frame:
 * UTF-8 JSON that starts with `{"offset":N,`.
 */
export interface Publication {
  readonly offset: number;
  readonly frame: Uint8Array;
  /**
   * For a message on a page of `before`: the `event` frame with its latest state. Absent if no
   * event changed it.
   */
  readonly change?: Uint8Array;
}

/** A publication to a room. */
export interface PublishRequest {
  readonly room: string;
  /** The finished frame after its head `{"offset":N,`, up to and with the last brace. */
  readonly tail: string;
  /**
   * The idempotency key, unique for (room, user, client id): 22 characters of base64url. `null`: it
   * is never repeated, and no key is remembered.
   */
  readonly key: string | null;
  /** The publisher's stamp, Unix milliseconds. */
  readonly at: number;
  /**
   * Ignores an earlier publication under the key, since the archive has another message at its
   * offset. For rooms with an archive. Default false.
   */
  readonly forceNew?: boolean;
  /** The target of an event that is no message. Absent for a message. */
  readonly event?: EventTarget;
}

/** The place of a publication. */
export interface Published extends Position {
  /** The stamp of the first publication under this key. */
  readonly at: number;
  /**
   * True if the key was published before. Then nothing was published now; offset and `at` are those
   * of the first publication (M2).
   */
  readonly repeated: boolean;
}

/** A stretch of a room's kept publications, oldest first. */
export interface Page {
  readonly position: Position;
  readonly publications: readonly Publication[];
  /** After `after`: whether newer ones follow. After `before`: whether older ones exist. */
  readonly more: boolean;
  /**
   * False if the publication right after the requested offset is no longer kept. Always true after
   * `before`.
   */
  readonly complete: boolean;
}

/** The page of a room without a sequence. */
export const UNBEGUN: Page = { position: { epoch: '', offset: 0 }, publications: [], more: false, complete: true };

/** The start of the delivery of a room. */
export interface Subscribed {
  readonly position: Position;
  /** The latest page: messages in their latest state, oldest first. */
  readonly latest: readonly Publication[];
  /** Whether this call began the sequence of a room without an archive. */
  readonly began: boolean;
}

/** The limit of a page. */
export interface PageLimit {
  /** At most this many publications (1-100). */
  readonly count: number;
  /** At most this many bytes of frames. A page has at least one publication, whatever its size. */
  readonly bytes: number;
}

/** The receiver of deliveries. */
export interface BrokerListener {
  /**
   * The next publication of a room. Its offset is one above the last one, or above the position of
   * `subscribe`.
   *
   * @param isLasting Whether the bytes never change. Default: they are valid during the call only.
   */
  publication(room: string, offset: number, frame: Uint8Array, isLasting?: boolean): void;
  /** A signal on a subscribed topic. The bytes are valid during the call only. */
  signal(topic: Topic, payload: Uint8Array): void;
  /**
   * The sequence was lost, or a gap could not be filled. Delivery continues after `position`.
   * `latest` is the newest page of messages.
   */
  reset(room: string, position: Position, latest: readonly Publication[]): void;
  /** Signals of these topics may have been lost. Their publications are complete. */
  healed(topics: readonly Topic[]): void;
  /** The connection to the other nodes broke, or is back. Called only if that changed. */
  connectivity(up: boolean): void;
}

/**
 * The port to the other nodes. Every method rejects with `HubError` `UNAVAILABLE` if the backend
 * cannot be reached within a few seconds.
 *
 * Rooms with an archive go further back than their stream: pages and gaps are filled from the
 * archive, and offsets never decrease. A stored key is known as a repetition even if the backend
 * lost it (M2, M3).
 */
export interface Broker {
  /** Connects. Resolves when the broker can be used. Called once, before any other method. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Starts the delivery of a room. Resolves with the position after which delivery starts, and with
   * the latest page up to exactly that position. So no later publication is missed, and no earlier
   * one is delivered again. If `keep` is false, the room keeps nothing (R3 *none*) and only signals
   * are delivered. Calls of one event-loop turn are sent in one batch.
   *
   * If `begin` is false (default true), a room without an archive and without a sequence gets none:
   * the call rejects with `HubError` `ROOM_NOT_FOUND`. Rejects with `TypeError` if the room is
   * subscribed already.
   */
  subscribe(room: string, keep: boolean, begin?: boolean): Promise<Subscribed>;
  /**
   * Starts the delivery of a user's channel. Rejects with `TypeError` if it is subscribed already.
   */
  subscribeUser(user: string): Promise<void>;
  /** Ends the delivery of a topic at once. Ignores unknown topics. */
  unsubscribe(topic: Topic): void;
  /**
   * Publishes to a kept room in one atomic step: idempotency check, next offset, stream, delivery.
   * While the backend is away it retries under the same key for a few seconds at most. It never
   * retries if `key` is null. Publications that one caller makes in order get offsets in order,
   * while the backend stays up.
   */
  publish(request: PublishRequest): Promise<Published>;
  /**
   * Sends a signal to every node that listens to the topic, this one included. Resolves when the
   * backend has accepted it.
   */
  emit(topic: Topic, payload: string): Promise<void>;
  /** Returns kept publications above `offset`, oldest first. */
  after(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * Returns the newest kept messages below `offset` (`Infinity`: the newest of all) in their latest
   * state, oldest first. Other events are left out and do not count. A room without an archive and
   * without a sequence gets none: the page is `UNBEGUN`.
   */
  before(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * Returns publications of the stream alone above `offset`, oldest first, without those of the
   * archive. `complete` has no meaning here.
   */
  kept(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * Returns the rooms with an archive and a publication within the last hour on any node, and
   * perhaps some from a little earlier. Their streams may hold messages that are not stored.
   * O(these rooms), however many are silent.
   */
  active(): Promise<string[]>;
  /** Ends everything. Nothing is delivered afterwards. */
  close(): Promise<void>;
}
