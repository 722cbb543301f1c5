/**
 * The port for edges of presence: the moments at which a user comes online or goes offline, and a
 * room becomes occupied (its first user enters) or vacated.
 *
 * The change of presence and its edge are one atomic step, so the edges of a subject alternate,
 * whatever the nodes. They are kept in a bounded log for one observer, who can stop and go on where
 * it was; pub/sub would lose what is published meanwhile. While nobody observes there is no log,
 * and presence adds nothing.
 *
 * Presence consists of shards. All edges of a subject are in one shard, in order. One observer
 * holds a shard at a time.
 *
 * Every method rejects with `HubError` `UNAVAILABLE` if the backend cannot be reached within a few
 * seconds.
 */

/** A user (`u:<id>`) or a room (`r:<room>`). */
export type Subject = `u:${string}` | `r:${string}`;

export interface PresenceEdge {
  /** The position after this edge. */
  readonly id: string;
  readonly subject: Subject;
  /** True: came online, or became occupied. False: went offline, or became vacated. */
  readonly isPresent: boolean;
  /** Unix milliseconds by the backend's clock. */
  readonly at: number;
}

/** How much of edges and reports is kept. */
export const EDGE_LIMITS = {
  /** Edges of each shard, about. An observer that is further behind misses some. */
  max: 20_000,
  /** Milliseconds for which edges are kept, and added, without a reader. */
  keptMs: 600_000,
  /** Milliseconds for which position and report are kept without a reader. */
  reportKeptMs: 86_400_000,
} as const;

export interface EdgeRequest {
  /** The id of the observer. */
  readonly holder: string;
  /** Milliseconds for which no other observer gets the shard. */
  readonly holdMs: number;
  /** The position to read from. Undefined: the recorded one. */
  readonly after?: string | undefined;
  /** Edges at most. */
  readonly limit: number;
}

export interface EdgePage {
  readonly state: 'held';
  /**
   * Unix milliseconds by the backend's clock. If `more` is false, the page ends with the last edge
   * before this moment.
   */
  readonly now: number;
  /**
   * The holder before: this observer, another one (its hold ran out), or nobody that the backend
   * knows.
   */
  readonly heldBefore: 'self' | 'other' | 'nobody';
  /**
   * False if edges after the position may be missing: too many came, nobody read for too long, or
   * the backend lost them.
   */
  readonly isWhole: boolean;
  /** The position before the first edge. */
  readonly from: string;
  readonly edges: readonly PresenceEdge[];
  readonly more: boolean;
}

/** Another observer holds the shard for at most `forMs` more milliseconds. */
interface EdgesBusy {
  readonly state: 'busy';
  readonly forMs: number;
}

/** The answer to a read. */
export type EdgeAnswer = EdgePage | EdgesBusy;

export interface Report {
  /** The position to go on from. Undefined: as recorded before. */
  readonly position?: string | undefined;
  /** Subjects reported as present, and as absent; together at most 1,000. */
  readonly came: readonly Subject[];
  readonly went: readonly Subject[];
  /** Gives the shard to the next observer who reads. */
  readonly release?: boolean;
}

export interface PresenceEdges {
  readonly shards: number;
  /** Takes or renews the hold on a shard, and reads edges. */
  read(shard: number, request: EdgeRequest): Promise<EdgeAnswer>;
  /**
   * Records what the observer reported, for itself or its successor. Resolves with false, and does
   * nothing, if another one holds the shard.
   */
  record(shard: number, holder: string, report: Report): Promise<boolean>;
  /** The subjects recorded as present, in pages. A subject may come twice. */
  recorded(shard: number): AsyncIterable<readonly Subject[]>;
  /** The users online and the rooms occupied now, in pages. A subject may come twice. */
  present(shard: number): AsyncIterable<readonly Subject[]>;
  /** Returns those of the subjects (of the shard, at most 1,000) that are not present now. */
  absent(shard: number, subjects: readonly Subject[]): Promise<readonly Subject[]>;
}
