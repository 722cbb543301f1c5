import { Histogram, type Registry } from 'prom-client';

/** Upper bounds of the buckets, seconds: from a hop inside one machine to what a person calls broken. */
const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Sample {
  readonly labels: { readonly le?: number | '+Inf' };
  readonly value: number;
  readonly metricName: string;
  /** prom-client merges these in; there are none. */
  readonly sharedLabels: Readonly<Record<string, never>>;
}

/**
 * A Prometheus histogram whose `record` costs a short scan over a typed array and allocates nothing: prom-client's own `observe` hashes labels and
 * looks each bucket up in an object. Cumulative buckets are built when scraped.
 */
export class LatencyHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  /** One for each bound, the last for everything above. */
  readonly #counts = new Float64Array(LATENCY_BOUNDS.length + 1);
  #sum = 0;

  constructor(options: { readonly name: string; readonly help: string; readonly registers: Registry[] }) {
    super(options);
    this.#name = options.name;
    this.#help = options.help;
  }

  /** Adds one latency, in seconds. Below zero (the publisher's clock is ahead) counts as zero. */
  record(seconds: number): void {
    let bucket = 0;
    for (const bound of LATENCY_BOUNDS) {
      if (seconds <= bound) break;
      bucket++;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    if (seconds > 0) this.#sum += seconds;
  }

  /** What prom-client asks a histogram for, in text and (through the base's `get`) in JSON. Its typings do not name it. */
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
