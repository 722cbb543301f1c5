import { build, type Histogram } from 'hdr-histogram-js';

/** A second of a load, as the plots show it. */
export interface HttpMoment {
  /** Seconds since the start. */
  readonly at: number;
  readonly answers: number;
  readonly errors: number;
  /** Milliseconds; null without a value. */
  readonly p50: number | null;
  readonly p99: number | null;
}

const MOST_MICROS = 120e6;

function histogram(): Histogram {
  return build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: MOST_MICROS, numberOfSignificantValueDigits: 3 });
}

/** Writes down the answers of a load, second by second. */
export class HttpSampler {
  readonly moments: HttpMoment[] = [];
  readonly total = histogram();
  /** Answers other than 2xx by status (`HTTP 429`), and requests without an answer. */
  readonly errors: Record<string, number> = {};
  answers = 0;
  readonly #started = performance.now();
  /** Between two requests of one connection, microseconds; 0: a closed loop. */
  readonly #interval: number;
  #second = histogram();
  #answers = 0;
  #errors = 0;

  /**
   * @param interval Microseconds between two requests of one connection. The requests that wait
   *   behind a slow answer count as late as they are (no coordinated omission). 0: a closed loop.
   */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Seconds since the start. */
  get at(): number {
    return (performance.now() - this.#started) / 1000;
  }

  answer(status: number, milliseconds: number): void {
    this.#answers += 1;
    this.answers += 1;
    if (status < 200 || status > 299) this.error(`HTTP ${status}`);
    const micros = Math.min(Math.max(1, Math.round(milliseconds * 1000)), MOST_MICROS);
    for (const into of [this.total, this.#second]) {
      if (this.#interval > 0) into.recordValueWithExpectedInterval(micros, this.#interval);
      else into.recordValue(micros);
    }
  }

  error(key: string): void {
    this.#errors += 1;
    this.errors[key] = (this.errors[key] ?? 0) + 1;
  }

  get errorCount(): number {
    return Object.values(this.errors).reduce((sum, count) => sum + count, 0);
  }

  /** A percentile (0 to 100) in milliseconds; NaN without values. */
  percentile(percent: number): number {
    return percentileOf(this.total, percent);
  }

  /** Ends a second. */
  second(): HttpMoment {
    const moment: HttpMoment = {
      at: Math.round(this.at * 10) / 10,
      answers: this.#answers,
      errors: this.#errors,
      p50: orNull(percentileOf(this.#second, 50)),
      p99: orNull(percentileOf(this.#second, 99)),
    };
    this.moments.push(moment);
    this.#second = histogram();
    this.#answers = 0;
    this.#errors = 0;
    return moment;
  }
}

function percentileOf(times: Histogram, percent: number): number {
  return times.totalCount === 0 ? Number.NaN : times.getValueAtPercentile(percent) / 1000;
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
