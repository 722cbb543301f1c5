/** How much of a room's stream is kept, and for how long (R3). */
export interface BrokerLimits {
  /** Publications that a room keeps at least; it may keep up to a tenth more. 1 or more. */
  readonly streamMaxLength: number;
  /** Milliseconds that a publication is kept at least. */
  readonly streamMaxAgeMs: number;
  /** Milliseconds that a room's position is kept after its newest publication has expired and its last listener has left. */
  readonly positionTtlMs: number;
  /** Milliseconds that a room without a publication is kept after its last listener has left. At least 1,000. */
  readonly emptyTtlMs: number;
  /** Milliseconds during which a second publication under the same key counts as a repetition (M2). */
  readonly idempotencyTtlMs: number;
}

export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  streamMaxLength: 1000,
  streamMaxAgeMs: 3_600_000,
  positionTtlMs: 86_400_000,
  emptyTtlMs: 120_000,
  idempotencyTtlMs: 300_000,
};

/** The size of the latest page that `subscribe` and `reset` give. */
export const LATEST_PAGE = { count: 100, bytes: 64 * 1024 } as const;
