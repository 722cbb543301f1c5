/** The metrics of job queues. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetricEntry } from './metric-entry.ts';
import { OTHER_METRICS } from './metric-table.ts';
import { TimingFamily, type TimingHistogram } from './timing-histogram.ts';

/** Returns the options of prom-client for an entry of the table. */
type Define = (entry: MetricEntry) => { name: string; help: string; labelNames: string[] };

/** The state of a queue. */
export interface QueueSample {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds since the oldest waiting job was due. */
  readonly oldestAge: number;
}

/** What became of an attempt to send a mail. */
export type MailResult = (typeof MAIL_RESULTS)[number];

const MAIL_RESULTS = ['sent', 'retried', 'failed', 'expired'] as const;

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** The metrics of job queues. `queue` is one of a small fixed set of names. */
export class JobMetrics {
  readonly #queued: Gauge<string>;
  readonly #oldest: Gauge<string>;
  readonly #duration: TimingFamily;
  readonly #failed: Counter<string>;
  readonly #stalled: Counter<string>;
  readonly #mailAttempts: Counter<string>;

  constructor(registry: Registry, define: Define, duration: TimingHistogram) {
    const registers = [registry];
    this.#queued = new Gauge({ ...define(OTHER_METRICS.jobs), registers });
    this.#oldest = new Gauge({ ...define(OTHER_METRICS.jobOldestAge), registers });
    this.#duration = new TimingFamily(duration, 'queue');
    this.#failed = new Counter({ ...define(OTHER_METRICS.jobsFailed), registers });
    this.#stalled = new Counter({ ...define(OTHER_METRICS.jobsStalled), registers });
    this.#mailAttempts = new Counter({ ...define(OTHER_METRICS.mailAttempts), registers });
  }

  /** Records an attempt at a job and its duration in seconds. */
  ran(queue: string, seconds: number): void {
    this.#duration.of(queue).record(seconds);
  }

  /** Counts a job that failed for good. */
  failed(queue: string): void {
    this.#failed.inc({ queue });
  }

  /** Counts a job whose worker stopped renewing its lock. */
  stalled(queue: string): void {
    this.#stalled.inc({ queue });
  }

  /** Counts an attempt to send a mail. */
  mailed(result: MailResult): void {
    this.#mailAttempts.inc({ result });
  }

  /** Shows the counts of mails from the start, so that a rise from none is seen. */
  showMails(): void {
    for (const result of MAIL_RESULTS) this.#mailAttempts.inc({ result }, 0);
  }

  /** Sets the gauges of a queue. */
  sample(queue: string, sample: QueueSample): void {
    for (const state of STATES) this.#queued.set({ queue, state }, sample[state]);
    this.#oldest.set({ queue }, sample.oldestAge);
    this.#failed.inc({ queue }, 0);
    this.#stalled.inc({ queue }, 0);
  }
}
