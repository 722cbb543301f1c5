/**
 * The port between nodes: ordered publications of rooms, and signals that are not kept.
 *
 * A *room* topic carries publications and signals. Each publication has an offset, one higher than the last, in one order
 * for all nodes (M3). The broker delivers publications without a gap, or reports that it cannot (`reset`). A signal has
 * no offset and is delivered at most once. If a connection breaks, signals may be lost, and `healed` is called
 * afterwards. A *user* topic carries signals only.
 *
 * Example: a listener got offsets 1 to 3 of a room. If 4 is lost with a connection, it gets 4 before 5. If 4 has left
 * the stream and the archive does not have it, it gets `reset` with the position 5.
 */
import type { EventTarget } from '#libs/protocol/room-event.ts';

/** A room by name, or one user's own channel. */
export type Topic = `r:${string}` | `u:${string}`;

/** The place of a room's sequence. `epoch` changes if the sequence was lost or may have gone back (M3). */
export interface Position {
  readonly epoch: string;
  /** Offset of the newest publication; 0 when there was none yet. */
  readonly offset: number;
}

/** One kept event of a room's log, a message or another kind (M7): its offset and the finished frame (UTF-8 JSON, starts with `{"offset":N,`). */
export interface Publication {
  readonly offset: number;
  readonly frame: Uint8Array;
  /** Of a message on a page of `before`: the `event` frame with its latest state. Absent if nothing changed it. */
  readonly change?: Uint8Array;
}

export interface PublishRequest {
  readonly room: string;
  /** The finished frame without its head: what follows `{"offset":N,`, up to and with the last brace. */
  readonly tail: string;
  /** Idempotency key, unique for (room, user, client id): 22 characters of base64url. `null`: never repeated, nothing is remembered. */
  readonly key: string | null;
  /** The publisher's stamp, Unix milliseconds. */
  readonly at: number;
  /** Ignores an earlier publication under the key: its offset was taken in the archive. For rooms with an archive. Default false. */
  readonly forceNew?: boolean;
  /** Of an event that is no message. Absent: a message. */
  readonly event?: EventTarget;
}

export interface Published extends Position {
  /** The stamp of the first publication under this key. */
  readonly at: number;
  /** True if the key was published before. Nothing was published now; offset and `at` are those of the first publication (M2). */
  readonly repeated: boolean;
}

/** A stretch of a room's kept publications, oldest first. */
export interface Page {
  readonly position: Position;
  readonly publications: readonly Publication[];
  /** `after` reads: newer ones follow. `before` reads: older ones exist. */
  readonly more: boolean;
  /** False if the publication right after the asked offset is no longer kept. Always true for `before` reads. */
  readonly complete: boolean;
}

/** The page of a room without a sequence. */
export const UNBEGUN: Page = { position: { epoch: '', offset: 0 }, publications: [], more: false, complete: true };

/** The place at which the delivery of a room begins. */
export interface Subscribed {
  readonly position: Position;
  /** The latest page: messages in their latest state, oldest first. */
  readonly latest: readonly Publication[];
  /** Whether this call began the sequence of a room without an archive. */
  readonly began: boolean;
}

export interface PageLimit {
  /** At most this many publications (1-100). */
  readonly count: number;
  /** At most this many bytes of frames, yet always one publication. */
  readonly bytes: number;
}

export interface BrokerListener {
  /** The room's next publication. Its offset is one above the last one, or above the position of `subscribe`. The bytes are valid during the call only. */
  publication(room: string, offset: number, frame: Uint8Array): void;
  /** A signal on a topic subscribed to. The bytes are valid during the call only. */
  signal(topic: Topic, payload: Uint8Array): void;
  /** The sequence was lost, or a gap could not be filled. It goes on from `position`; `latest` is the newest page of messages. */
  reset(room: string, position: Position, latest: readonly Publication[]): void;
  /** Signals of these topics may have been lost. Their publications are complete. */
  healed(topics: readonly Topic[]): void;
  /** The connection to the other nodes broke, or is back. Called on changes only. */
  connectivity(up: boolean): void;
}

/**
 * Every method rejects with `HubError` `UNAVAILABLE` if the backend cannot be reached within a few seconds.
 *
 * Rooms with an archive go further back than their stream: pages and gaps are filled from the archive, and offsets never
 * fall. A stored key is known as a repetition even if the backend lost it (M2, M3).
 */
export interface Broker {
  /** Connects. Resolves when usable. Called once, before anything else. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Starts the delivery of a room. Resolves with the position delivery starts after, and the latest page up to exactly that
   * position: no later publication is missed, no earlier one is delivered again. If `keep` is false, the room keeps nothing
   * (R3 *none*) and only signals come. Calls of one event-loop turn go out in one batch. Throws `TypeError` if the room
   * is subscribed to already.
   *
   * If `begin` is false (default true), a room without an archive and without a sequence gets none: rejects with
   * `HubError` `ROOM_NOT_FOUND`.
   */
  subscribe(room: string, keep: boolean, begin?: boolean): Promise<Subscribed>;
  /** Starts the delivery of a user's own channel. */
  subscribeUser(user: string): Promise<void>;
  /** Ends the delivery of a topic: the listener gets nothing more of it. Ignores unknown topics. */
  unsubscribe(topic: Topic): void;
  /**
   * Publishes to a kept room, atomically: idempotency check, next offset, stream, delivery. While the backend is away
   * it retries under the same key, for at most a few seconds. With `key` null it never retries.
   * Publications of one caller made in order get offsets in order while the backend stays up.
   */
  publish(request: PublishRequest): Promise<Published>;
  /** Sends a signal to every node that listens to the topic, this one included. Resolves when the backend accepted it. */
  emit(topic: Topic, payload: string): Promise<void>;
  /** Kept publications above `offset`, oldest first. */
  after(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * The newest kept messages below `offset` (`Infinity`: the newest of all) in their latest state, oldest first. Other events are left
   * out and do not count. A room without an archive and without a sequence gets none: the page is `UNBEGUN`.
   */
  before(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /** The stream's own publications above `offset`, oldest first, without the archive's. `complete` has no meaning here. */
  kept(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * The rooms with an archive that were published to within the last hour, on any node, and perhaps some from a little
   * earlier. Their streams may hold messages that are not stored. O(such rooms), however many are silent.
   */
  active(): Promise<string[]>;
  /** Ends everything; nothing is delivered afterwards. */
  close(): Promise<void>;
}
