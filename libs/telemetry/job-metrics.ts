import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type MetricEntry, OTHER_METRICS } from './metric-table.ts';

/** Upper bounds of the buckets, seconds: from a row in the database to a mail server that takes its time. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What prom-client is told of an entry of the table. */
type Define = (entry: MetricEntry) => { name: string; help: string; labelNames: string[] };

export interface QueueSample {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds. */
  readonly oldestAge: number;
}

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** The metrics of job queues. `queue` is one of a few names. */
export class JobMetrics {
  readonly #queued: Gauge<string>;
  readonly #oldest: Gauge<string>;
  readonly #duration: Histogram<string>;
  readonly #failed: Counter<string>;
  readonly #stalled: Counter<string>;

  constructor(registry: Registry, define: Define) {
    const registers = [registry];
    this.#queued = new Gauge({ ...define(OTHER_METRICS.jobs), registers });
    this.#oldest = new Gauge({ ...define(OTHER_METRICS.jobOldestAge), registers });
    this.#duration = new Histogram({ ...define(OTHER_METRICS.jobDuration), buckets: BOUNDS, registers });
    this.#failed = new Counter({ ...define(OTHER_METRICS.jobsFailed), registers });
    this.#stalled = new Counter({ ...define(OTHER_METRICS.jobsStalled), registers });
  }

  /** An attempt at a job of the queue ended after so many seconds. */
  ran(queue: string, seconds: number): void {
    this.#duration.observe({ queue }, seconds);
  }

  failed(queue: string): void {
    this.#failed.inc({ queue });
  }

  stalled(queue: string): void {
    this.#stalled.inc({ queue });
  }

  /** How a queue stands now. */
  sample(queue: string, sample: QueueSample): void {
    for (const state of STATES) this.#queued.set({ queue, state }, sample[state]);
    this.#oldest.set({ queue }, sample.oldestAge);
    this.#failed.inc({ queue }, 0);
    this.#stalled.inc({ queue }, 0);
  }
}
