/**
 * The port between nodes: ordered publications of rooms, and signals that are not kept.
 *
 * A *room* topic carries two kinds of traffic. Publications have an offset, one higher than the last, in one order for all nodes (M3);
 * the broker hands them over gap-free or says that it could not (`reset`). Signals have no offset: at most once, may be lost with a
 * connection, after which `healed` is called. A *user* topic carries signals only.
 */

/** What can be listened to: a room by name, or one user's own channel. */
export type Topic = `r:${string}` | `u:${string}`;

/** Where a room's sequence stands. `epoch` changes when the sequence was lost or may have gone back (M3). */
export interface Position {
  readonly epoch: string;
  /** Offset of the newest publication; 0 when there was none yet. */
  readonly offset: number;
}

/** One kept message: its offset and the finished `message` frame (UTF-8 JSON, starts with `{"offset":N,`). */
export interface Publication {
  readonly offset: number;
  readonly frame: Uint8Array;
}

export interface PublishRequest {
  readonly room: string;
  /** The finished frame without its head: what follows `{"offset":N,`, up to and with the last brace. */
  readonly tail: string;
  /** Idempotency key, unique for (room, user, client id): 22 characters of base64url. `null`: never repeated, nothing is remembered. */
  readonly key: string | null;
  /** The publisher's stamp, Unix milliseconds. */
  readonly at: number;
  /**
   * Rooms with an archive: what was published under the key before counts for nothing, it could not be stored where it stands. Default false.
   */
  readonly forceNew?: boolean;
}

export interface Published extends Position {
  /** The stamp of the first publication under this key. */
  readonly at: number;
  /** True where the key had been published before: nothing was published now, offset and `at` are the first one's (M2). */
  readonly repeated: boolean;
}

/** A stretch of a room's kept publications, oldest first. */
export interface Page {
  readonly position: Position;
  readonly publications: readonly Publication[];
  /** `after` reads: newer ones follow. `before` reads: older ones exist. */
  readonly more: boolean;
  /** `after` reads only: false where the publication right after the asked offset is no longer kept. Otherwise true. */
  readonly complete: boolean;
}

/** The page of a room that has no sequence. */
export const UNBEGUN: Page = { position: { epoch: '', offset: 0 }, publications: [], more: false, complete: true };

/** Where the delivery of a room begins. */
export interface Subscribed {
  readonly position: Position;
  /** The latest page, oldest first. */
  readonly latest: readonly Publication[];
  /** Whether the sequence of a room without an archive began with this. */
  readonly began: boolean;
}

export interface PageLimit {
  /** At most this many publications (1-100). */
  readonly count: number;
  /** At most this many bytes of frames, yet always one publication. */
  readonly bytes: number;
}

export interface BrokerListener {
  /** The room's next publication: its offset is one above the last one given, or above the position `subscribe` resolved with. The bytes are valid during the call only. */
  publication(room: string, offset: number, frame: Uint8Array): void;
  /** A signal on a topic subscribed to. The bytes are valid during the call only. */
  signal(topic: Topic, payload: Uint8Array): void;
  /** The sequence was lost and could not be filled: it goes on from `position`; `latest` is the newest page. */
  reset(room: string, position: Position, latest: readonly Publication[]): void;
  /** Signals of these topics may have been lost up to now; publications were already made good. */
  healed(topics: readonly Topic[]): void;
  /** The way to the other nodes broke, or is whole again. Called on changes only. */
  connectivity(up: boolean): void;
}

/**
 * Every method rejects with `HubError` `UNAVAILABLE` when the backend cannot be reached within a few seconds.
 *
 * Rooms that an archive holds go further back than their stream: pages and gaps are filled from it, offsets never fall, and what was stored under a key
 * is known as a repetition though the backend lost it (M2, M3).
 */
export interface Broker {
  /** Connects. Resolves when usable. Called once, before anything else. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Starts the delivery of a room. Resolves with the position delivery starts after, and the latest page up to exactly that
   * position: nothing published later is missed, nothing before is given again. `keep` false: the room keeps nothing (R3 *none*), only signals come.
   * Calls of one event-loop turn go out in one batch. Subscribing twice without `unsubscribe` is a TypeError.
   *
   * `begin` false (default true): a room without an archive that has no sequence is not given one; rejects with `HubError` `ROOM_NOT_FOUND`.
   */
  subscribe(room: string, keep: boolean, begin?: boolean): Promise<Subscribed>;
  /** Starts the signals of a user's own channel. */
  subscribeUser(user: string): Promise<void>;
  /** Ends the delivery of a topic, at once for the listener. Unknown topics are ignored. */
  unsubscribe(topic: Topic): void;
  /**
   * Publishes to a kept room, atomically: idempotency check, next offset, stream, delivery. Retries by itself under the same key
   * while the backend is away, for at most a few seconds; with `key` null it never retries.
   * Publications of one caller made in order get offsets in order while the backend stays up.
   */
  publish(request: PublishRequest): Promise<Published>;
  /** Sends a signal to every node that listens to the topic, this one included. Resolves when the backend took it. */
  emit(topic: Topic, payload: string): Promise<void>;
  /** Kept publications above `offset`, oldest first. */
  after(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * The newest kept publications below `offset` (`Infinity`: the newest of all), oldest first. A room without an archive that nobody entered and in which
   * nothing was said stays unknown: the page is `UNBEGUN`.
   */
  before(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /** What the stream itself keeps above `offset`, oldest first, whatever it lost before and an archive may have. `complete` tells nothing. */
  kept(room: string, offset: number, limit: PageLimit): Promise<Page>;
  /**
   * The rooms with an archive that were published to within the last hour, on any node, and perhaps some that were a little earlier: where something may be
   * in the stream and not stored. As much work as there are such rooms, however many are silent.
   */
  active(): Promise<string[]>;
  /** Ends everything; nothing is delivered afterwards. */
  close(): Promise<void>;
}
