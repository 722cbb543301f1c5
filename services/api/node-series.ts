/** The numbers of the gateways over time, for the charts of the admin page (A13). */

/** The charts. Latencies are 99th percentiles in seconds. */
export const CHARTS = ['connections', 'messages', 'ack', 'delivery', 'redisLag'] as const;
/** A chart of the admin page. */
export type Chart = (typeof CHARTS)[number];

/** The values of one gateway at each of the times; null where there is none. */
export interface Line {
  readonly node: string;
  readonly values: readonly (number | null)[];
}

/** The charts over one stretch of time. */
export interface NodeSeries {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly charts: Readonly<Record<Chart, readonly Line[]>>;
}

/** The most gateways of one chart. More lines cannot be told apart. */
export const LINES_MAX = 32;
