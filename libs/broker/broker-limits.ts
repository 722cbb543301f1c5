/** How much of a room's stream is kept, and for how long (R3). */
export interface BrokerLimits {
  /**
   * The least number of publications that a room keeps. It may keep more: up to a tenth in memory,
   * up to one node of a stream (100 entries by default) in Redis. 1 or more.
   */
  readonly streamMaxLength: number;
  /** The least milliseconds that a publication is kept. */
  readonly streamMaxAgeMs: number;
  /**
   * Milliseconds that a room's position is kept after its newest publication has expired and its
   * last listener has left.
   */
  readonly positionTtlMs: number;
  /**
   * Milliseconds that a room without a publication is kept after its last listener has left. At
   * least 1,000.
   */
  readonly emptyTtlMs: number;
  /**
   * Milliseconds during which a second publication under the same key counts as a repetition (M2).
   */
  readonly idempotencyTtlMs: number;
}

/** The limits of a hub with default settings. */
export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  streamMaxLength: 1000,
  streamMaxAgeMs: 3_600_000,
  positionTtlMs: 86_400_000,
  emptyTtlMs: 120_000,
  idempotencyTtlMs: 300_000,
};

/** The size of the latest page of `subscribe` and `reset`. */
export const LATEST_PAGE = { count: 100, bytes: 64 * 1024 } as const;
