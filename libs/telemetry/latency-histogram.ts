/** A histogram of latencies that is cheap to record. */
import { Histogram, type Registry } from 'prom-client';

/** Upper bounds of the buckets in seconds: from a hop within one machine to an obvious failure. */
const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Sample {
  readonly labels: { readonly le?: number | '+Inf' };
  readonly value: number;
  readonly metricName: string;
  /** Labels that prom-client adds to every sample: none. */
  readonly sharedLabels: Readonly<Record<string, never>>;
}

/**
 * A Prometheus histogram. `record` scans a short typed array and allocates nothing. prom-client's
 * own `observe` hashes labels and looks up each bucket in an object. Cumulative buckets are
 * computed at each scrape.
 */
export class LatencyHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  /** One count for each bound. The last one is for everything above. */
  readonly #counts = new Float64Array(LATENCY_BOUNDS.length + 1);
  #sum = 0;

  constructor(options: { readonly name: string; readonly help: string; readonly registers: Registry[] }) {
    super(options);
    this.#name = options.name;
    this.#help = options.help;
  }

  /**
   * Records one latency in seconds. A negative one (the publisher's clock is ahead) counts as zero.
   */
  record(seconds: number): void {
    let bucket = 0;
    for (const bound of LATENCY_BOUNDS) {
      if (seconds <= bound) break;
      bucket++;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    if (seconds > 0) this.#sum += seconds;
  }

  /**
   * The method that prom-client calls for text and, through the base's `get`, for JSON. Its types
   * do not declare it.
   */
  async getForPromString() {
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values: this.#samples() };
  }

  #samples(): Sample[] {
    const samples: Sample[] = [];
    let total = 0;
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      samples.push({ labels: { le: LATENCY_BOUNDS[index] ?? '+Inf' }, value: total, metricName: `${this.#name}_bucket`, sharedLabels: {} });
    }
    samples.push({ labels: {}, value: this.#sum, metricName: `${this.#name}_sum`, sharedLabels: {} });
    samples.push({ labels: {}, value: total, metricName: `${this.#name}_count`, sharedLabels: {} });
    return samples;
  }
}
