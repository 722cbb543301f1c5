import type { FrameSink } from './frame-reader.ts';

/** The names of the dialects that the load can speak. */
export type DialectName = 'bare' | 'parley' | 'parley-arrays' | 'socket-io' | 'nchan' | 'nats' | 'pusher';

/** One connection: its room and its user. */
export interface Place {
  /** The room it enters while it connects; null for none. */
  readonly room: string | null;
  readonly user: string;
  /** A signed token; null if the servers ask for none. */
  readonly token: string | null;
  /** Whether it shall be able to go on after it was cut off. Default: no. */
  readonly recovers?: boolean;
  /** The position to go on from. Default: it begins. */
  readonly since?: string;
}

/** A request of a client, and the bytes by which its answer is recognised; null: there is none. */
export interface Question {
  readonly payload: string;
  readonly answer: string | null;
}

/** Counts the deliveries of one connection, from the bytes after its 101. */
export interface Reader {
  /** Messages that arrived so far. */
  readonly deliveries: number;
  /** Shorter frames so far: acks, errors and signals. */
  readonly shorts: number;
  /** Whether a WebSocket ping waits for its pong. The owner answers and resets it. */
  pinged: boolean;
  /** Whether the dialect's own heartbeat waits for an answer. The owner answers and resets it. */
  asked: boolean;
  feed(chunk: Buffer, end: number): void;
}

/** What a reader tells, and to whom. */
export interface ReaderOptions {
  /** Gets each message that is whole in its chunk. */
  readonly sink?: FrameSink;
  /** The sink gets every message whole. It copies bytes. */
  readonly whole?: boolean;
  /** The sink gets every frame, not deliveries alone. Both count. */
  readonly every?: boolean;
}

/**
 * What a kind of server speaks: how one connects, joins and publishes, and how a delivery is
 * recognised. Frames are text; payloads are ASCII.
 */
export interface Dialect {
  /** Path and query of the upgrade. */
  path(place: Place): string;
  /** The subprotocols that a client offers, separated by commas; none: undefined. */
  readonly protocols?: string;
  /** Payloads of the first frames of a client, sent after the server's `after`; none: undefined. */
  readonly greeting?: { readonly after: string; readonly frames: (place: Place) => readonly string[] };
  /** Bytes of the server that mean "connected and in the room"; null: the 101 is enough. */
  ready(place: Place): string | null;
  /** The payload that publishes a text of 128 bytes. The id is unique in the run. */
  message(text: string, id: string, place: Place): string;
  /** Whether who publishes gets the own message, too. */
  readonly echoes: boolean;
  /** The answer to the heartbeat that the reader finds; none: undefined. */
  readonly heartbeat?: string;
  /** What a client sends from time to time so that it is not taken for dead; nothing: undefined. */
  readonly keepAlive?: { readonly payload: string; readonly everyMs: number };
  reader(options: ReaderOptions): Reader;
  /** How one who was cut off goes on; undefined: there is no way, it begins anew. */
  readonly recovery?: {
    /** The WebSocket subprotocol to offer; none: undefined. */
    readonly protocol?: string;
    /** The position after a payload of the server, from the one before. */
    position(payload: string, before: string | undefined): string | undefined;
  };
  /** Enters a further room. Undefined: an open connection cannot. */
  join?(room: string, id: string): Question;
  leave?(room: string, id: string): Question;
}
