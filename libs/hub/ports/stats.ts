/** The counts of the hub. The hot path adds to plain numbers; a scrape reads them. */
import type { Retention } from '#libs/messages/room-access.ts';
import type { RoomKind } from '#libs/protocol/room-kinds.ts';

/** One series of a histogram. */
export interface Timing {
  /** Records seconds. Cheap: it allocates nothing and looks nothing up. */
  record(seconds: number): void;
}

/** A series for each kind of room. */
type ByKind = Readonly<Record<RoomKind, Timing>>;

/** How many messages were answered in each way. */
export interface AnswerCounts {
  acked: number;
  /** The hub's fault. */
  failed: number;
  /** The sender's fault. */
  refused: number;
}

export interface HubStats {
  readonly hot: {
    /** Messages of connections that were accepted. */
    received: number;
    /** Messages handed to connections, one for each recipient. */
    delivered: number;
    bytesSent: number;
  };
  /** From the publisher's stamp to the fan-out on this node. */
  readonly delivery: ByKind;
  /** From the frame with a message to its `ack`. A kind of room has the retentions of its policy. */
  readonly acks: Readonly<Record<Retention, Readonly<Partial<Record<RoomKind, Timing>>>>>;
  readonly answers: Readonly<Record<Retention, AnswerCounts>>;
  /** From the open socket to `welcome`. */
  readonly welcome: Timing;
  /** From `join` to its last `joined`: without a position (`fresh`), or by its outcome. */
  readonly joins: Readonly<Record<'fresh' | 'recovered' | 'lost', ByKind>>;
  /**
   * The answer to a position: all missed messages (`recovered`), or a report that they are lost.
   */
  recovered(result: 'recovered' | 'lost'): void;
  rateLimited(limit: 'frames' | 'connections' | 'bytes' | 'history' | 'rooms' | 'pings'): void;
}
