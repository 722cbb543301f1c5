import type { Fleet } from './fleet.ts';
import { COUNTS, Merged, TIMES, type TimeName } from './samples.ts';
import { ServerWatch } from './server-watch.ts';

/** A second of a load, as the plots show it. */
export interface Moment {
  /** Seconds since the start. */
  readonly at: number;
  readonly open: number;
  readonly connected: number;
  readonly sent: number;
  readonly delivered: number;
  readonly errors: number;
  /** Milliseconds; null without a value. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly ackP99: number | null;
}

/** Hears every second. */
export type OnMoment = (moment: Moment, total: Merged) => void;

const SECOND_MS = 1000;
const SCRAPE_EVERY = 2;

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Writes down what a load does, second by second, and looks at the servers. */
export class Recorder {
  readonly moments: Moment[] = [];
  readonly servers: ServerWatch;
  /** All of the run. */
  readonly total = new Merged();
  readonly #fleet: Fleet;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  /** The figures since the last call of `step`. */
  #step = new Merged();
  /** The figures of the present second. */
  #passed = new Merged();
  #seconds = 0;

  constructor(fleet: Fleet, metrics: readonly URL[], onMoment: OnMoment) {
    this.#fleet = fleet;
    this.servers = new ServerWatch(metrics, () => this.at);
    this.#timer = setInterval(() => {
      onMoment(this.#second(), this.total);
      this.#seconds += 1;
      if (this.#seconds % SCRAPE_EVERY === 0) void this.servers.look();
    }, SECOND_MS);
  }

  /** Seconds since the start. */
  get at(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** Resolves once everything until now is in `total`. */
  async report(): Promise<void> {
    await this.#fleet.report();
    this.#merge(this.#fleet.take());
  }

  /** Everything from the last call until now. */
  async step(): Promise<Merged> {
    await this.report();
    const step = this.#step;
    this.#step = new Merged();
    return step;
  }

  /** Writes down the rest. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#second();
    await this.servers.look();
  }

  #merge(bucket: Merged): void {
    for (const into of [this.total, this.#step, this.#passed]) merge(into, bucket);
  }

  #second(): Moment {
    this.#merge(this.#fleet.take());
    const bucket = this.#passed;
    this.#passed = new Merged();
    const moment: Moment = {
      at: Math.round(this.at * 10) / 10,
      open: bucket.open,
      connected: bucket.counts.connected,
      sent: bucket.counts.sent,
      delivered: bucket.counts.delivered,
      errors: Object.values(bucket.errors).reduce((sum, one) => sum + one, 0),
      p50: finite(bucket.percentile('delivery', 50)),
      p99: finite(bucket.percentile('delivery', 99)),
      ackP99: finite(bucket.percentile('ack', 99)),
    };
    this.moments.push(moment);
    return moment;
  }
}

function merge(into: Merged, bucket: Merged): void {
  for (const name of COUNTS) into.counts[name] += bucket.counts[name];
  for (const [key, count] of Object.entries(bucket.errors)) into.errors[key] = (into.errors[key] ?? 0) + count;
  for (const name of TIMES) if (bucket.times[name].totalCount > 0) into.times[name].add(bucket.times[name]);
  into.cpuSeconds += bucket.cpuSeconds;
  into.lateMs = Math.max(into.lateMs, bucket.lateMs);
  into.open = bucket.open;
  into.waiting = bucket.waiting;
}

/** Percentiles of a curve: close to each other where it gets steep. */
export const CURVE = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100] as const;

/** A time as the report has it, milliseconds by percentile; empty without values. */
export function curveOf(total: Merged, name: TimeName): readonly (readonly [percent: number, ms: number])[] {
  if (total.times[name].totalCount === 0) return [];
  // Beyond what so many values can tell, a percentile is the highest value.
  return CURVE.map((percent) => [percent, total.percentile(name, percent)] as const);
}
