/** The parts and settings of a hub. */
import type { Bearer } from '#libs/auth/credentials.ts';
import type { Broker } from '#libs/broker/broker.ts';
import type { BucketSize, TokenBuckets } from '#libs/limits/token-buckets.ts';
import type { MessageWriter } from '#libs/messages/message-writer.ts';
import type { RoomAccess } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { Store } from '#libs/store/store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Span, Tracer } from '#libs/telemetry/tracer.ts';
import type { UnknownSignals } from './delivery/unknown-signals.ts';
import type { FrameLimits } from './limits/frame-budget.ts';
import type { Clock } from './ports/clock.ts';
import type { Fanout } from './ports/socket.ts';
import type { HubStats } from './ports/stats.ts';
import type { FirstJoin } from './sessions/connection.ts';
import type { Faults } from './sessions/faults.ts';

export interface HubOptions {
  /** This node's id, fresh at each start. */
  readonly node: string;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly fanout: Fanout;
  readonly access: RoomAccess;
  readonly writer: MessageWriter;
  readonly store: Pick<Store, 'messages' | 'cursors' | 'seen'>;
  readonly stats: HubStats;
  readonly faults: Faults;
  readonly background: Background;
  readonly unknownSignals: UnknownSignals;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  /**
   * Seconds that the wall clock of `clock` is ahead of the one that all nodes share, as far as it is
   * known. For measuring only.
   */
  clockOffset(): number;
  /** Resolves to the bearer of a token. Rejects with `HubError`. */
  verify(token: string): Promise<Bearer>;
  /** One login of a user at a time (R4). */
  readonly singleSession: boolean;
  readonly frameLimits: FrameLimits;
  /** Token buckets that all nodes share. */
  readonly buckets: TokenBuckets;
  /** Bytes of messages of one user over all nodes; a `rate` of 0: no limit. */
  readonly userBytes: BucketSize;
  /** Of one user on this node; 0: no limit. */
  readonly historyPagesPerSecond: number;
  readonly newRoomsPerMinute: number;
  /** Protocol pings of one connection; 0: no limit. */
  readonly pingsPerSecond: number;
  readonly messageMaxChars: number;
  readonly conversationMaxChars: number;
  readonly frameMaxBytes: number;
  readonly roomLimit: number;
  /** Connections of one user on this node; 0: no limit. */
  readonly connectionsPerUser: number;
  /** Seconds between protocol pings. */
  readonly heartbeatSeconds: number;
  /** Seconds without the backend after which connections are closed with 4009. */
  readonly stateLostSeconds: number;
}

/** A connection to admit. Its token was verified. */
export interface Admission {
  readonly bearer: Bearer;
  /** The tab's own label (H1). */
  readonly session: string;
  readonly firstJoin: FirstJoin | undefined;
  /** True if it gets all events of the logs of rooms, not messages alone (M7). */
  readonly wantsEvents: boolean;
  /** Whether the client takes arrays of frames (F9). */
  readonly takesBatches: boolean;
  /** Of its handshake, if that is traced. The hub ends it with `welcome`. */
  readonly span?: Span | undefined;
}
