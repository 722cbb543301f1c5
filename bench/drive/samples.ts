import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

/** The times that a load measures, in microseconds. */
export const TIMES = ['connect', 'ack', 'delivery', 'recovery'] as const;
export type TimeName = (typeof TIMES)[number];

/** Counts that only grow. */
export const COUNTS = ['connected', 'sent', 'acked', 'refused', 'delivered', 'recovered', 'resyncs', 'unsent', 'bytes'] as const;
export type CountName = (typeof COUNTS)[number];

/** What a worker tells of the time since its last report. */
export interface Interval {
  readonly counts: Readonly<Record<CountName, number>>;
  /** Errors by where they came from and their code: `connect RATE_LIMITED`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Histograms, encoded. */
  readonly times: Readonly<Record<TimeName, string>>;
  /** Open connections now. */
  readonly open: number;
  /** Messages that wait for their answer now. */
  readonly waiting: number;
  /** Its CPU since the last report, and the time since then, seconds. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** The most by which a message left after its time, milliseconds: the worker was busy. */
  readonly lateMs: number;
}

/** Two minutes: what takes longer counts as this. */
const MOST_MICROS = 120e6;

/** An empty histogram: 3 digits from 1 us to 2 minutes. */
function histogram(): Histogram {
  return build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: MOST_MICROS, numberOfSignificantValueDigits: 3 });
}

/** What happened since the last report of a worker. */
export class Samples {
  readonly #times = new Map<TimeName, Histogram>(TIMES.map((name) => [name, histogram()]));
  #counts = zeros();
  #errors: Record<string, number> = {};
  #cpu = process.cpuUsage();
  #began = performance.now();
  #lateMs = 0;

  time(name: TimeName, micros: number): void {
    this.#times.get(name)?.recordValue(Math.min(Math.max(1, Math.round(micros)), MOST_MICROS));
  }

  count(name: CountName, by = 1): void {
    this.#counts[name] += by;
  }

  error(key: string): void {
    this.#errors[key] = (this.#errors[key] ?? 0) + 1;
  }

  late(ms: number): void {
    this.#lateMs = Math.max(this.#lateMs, ms);
  }

  /** Returns the interval, and begins the next. */
  take(open: number, waiting: number): Interval {
    const { user, system } = process.cpuUsage(this.#cpu);
    const interval: Interval = {
      counts: this.#counts,
      errors: this.#errors,
      times: Object.fromEntries(TIMES.map((name) => [name, encoded(this.#times.get(name))])) as Record<TimeName, string>,
      open,
      waiting,
      cpuSeconds: (user + system) / 1e6,
      seconds: (performance.now() - this.#began) / 1000,
      lateMs: this.#lateMs,
    };
    this.#cpu = process.cpuUsage();
    this.#began = performance.now();
    this.#counts = zeros();
    this.#errors = {};
    this.#lateMs = 0;
    for (const times of this.#times.values()) times.reset();
    return interval;
  }
}

/** Intervals of several workers, or of a longer time, as one. */
export class Merged {
  readonly times: Readonly<Record<TimeName, Histogram>>;
  readonly counts = zeros();
  readonly errors: Record<string, number> = {};
  open = 0;
  waiting = 0;
  cpuSeconds = 0;
  lateMs = 0;

  constructor() {
    this.times = Object.fromEntries(TIMES.map((name) => [name, histogram()])) as Record<TimeName, Histogram>;
  }

  add(interval: Interval): void {
    for (const name of COUNTS) this.counts[name] += interval.counts[name];
    for (const [key, count] of Object.entries(interval.errors)) this.errors[key] = (this.errors[key] ?? 0) + count;
    for (const name of TIMES) if (interval.times[name] !== '') this.times[name].add(decodeFromCompressedBase64(interval.times[name]));
    this.cpuSeconds += interval.cpuSeconds;
    this.lateMs = Math.max(this.lateMs, interval.lateMs);
  }

  /** A percentile (0 to 100) in milliseconds; NaN without values. */
  percentile(name: TimeName, percent: number): number {
    const times = this.times[name];
    return times.totalCount === 0 ? Number.NaN : times.getValueAtPercentile(percent) / 1000;
  }
}

function zeros(): Record<CountName, number> {
  return Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<CountName, number>;
}

function encoded(times: Histogram | undefined): string {
  return times === undefined || times.totalCount === 0 ? '' : encodeIntoCompressedBase64(times);
}
