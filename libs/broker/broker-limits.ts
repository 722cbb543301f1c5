/** How much of a room is kept, and for how long (R3). */
export interface BrokerLimits {
  /** Publications kept of a room, at least; up to a tenth more may be. 1 or more. */
  readonly streamMaxLength: number;
  /** Milliseconds a publication is kept, at least. */
  readonly streamMaxAgeMs: number;
  /** Milliseconds that a room's position outlives its newest publication's age limit, and its last listener. */
  readonly positionTtlMs: number;
  /** Milliseconds that a room in which nothing was said outlives its last listener. At least 1,000. */
  readonly emptyTtlMs: number;
  /** Milliseconds during which a publication under the same key is known as a repetition (M2). */
  readonly idempotencyTtlMs: number;
}

export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  streamMaxLength: 1000,
  streamMaxAgeMs: 3_600_000,
  positionTtlMs: 86_400_000,
  emptyTtlMs: 120_000,
  idempotencyTtlMs: 300_000,
};

/** What `subscribe` gives of the latest page, and what a `reset` comes with. */
export const LATEST_PAGE = { count: 100, bytes: 64 * 1024 } as const;
