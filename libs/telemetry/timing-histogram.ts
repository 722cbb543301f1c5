/** A histogram of durations that is cheap to record. */
import { Histogram, type Registry } from 'prom-client';
import type { HistogramEntry } from './metric-entry.ts';

/** The values of the labels of one series. */
export type LabelValues = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
  /** Labels that prom-client adds to every sample: none. */
  readonly sharedLabels: Readonly<Record<string, never>>;
}

/**
 * One series of a histogram. Hot code keeps it and calls `record`: that scans a short typed array,
 * allocates nothing and looks up no label.
 */
export class Timing {
  readonly labels: LabelValues;
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: Float64Array;
  /** One count for each bound, one for everything above, then the sum. */
  readonly #counts: Float64Array;

  constructor(labels: LabelValues, bounds: Float64Array) {
    this.labels = labels;
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 2);
  }

  /** Records a duration in seconds. A negative one counts as zero. */
  record(seconds: number): void {
    const { bounds } = this;
    const counts = this.#counts;
    const { length } = bounds;
    let bucket = 0;
    while (bucket < length && seconds > (bounds[bucket] ?? 0)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    if (seconds > 0) counts[length + 1] = (counts[length + 1] ?? 0) + seconds;
  }

  /** What each bucket counted, the last one everything above the bounds. */
  counts(): Float64Array {
    return this.#counts.slice(0, this.bounds.length + 1);
  }

  /** Returns its samples with cumulative buckets. `name`: that of the histogram. */
  samples(name: string): Sample[] {
    const samples: Sample[] = [];
    const { bounds, labels } = this;
    let total = 0;
    for (let bucket = 0; bucket <= bounds.length; bucket += 1) {
      total += this.#counts[bucket] ?? 0;
      samples.push({ labels: { le: bounds[bucket] ?? '+Inf', ...labels }, value: total, metricName: `${name}_bucket`, sharedLabels: {} });
    }
    samples.push({ labels, value: this.#counts[bounds.length + 1] ?? 0, metricName: `${name}_sum`, sharedLabels: {} });
    samples.push({ labels, value: total, metricName: `${name}_count`, sharedLabels: {} });
    return samples;
  }
}

/**
 * A Prometheus histogram whose series are made once each. prom-client's own `observe` hashes labels
 * and looks up each bucket in an object. A series is shown from the moment it is made.
 */
export class TimingHistogram extends Histogram<string> {
  readonly #entry: HistogramEntry;
  readonly #bounds: Float64Array;
  readonly #series: Timing[] = [];

  constructor(entry: HistogramEntry, registry: Registry) {
    super({ name: entry.name, help: entry.help, labelNames: [entry.label ?? []].flat(), registers: [registry] });
    this.#entry = entry;
    this.#bounds = Float64Array.from(entry.buckets);
  }

  /** Makes a series. Call it once for each set of values: it looks for no other one. */
  make(labels: LabelValues = {}): Timing {
    const made = new Timing(labels, this.#bounds);
    this.#series.push(made);
    return made;
  }

  /**
   * The method that prom-client calls for text and, through the base's `get`, for JSON. Its types
   * do not declare it.
   */
  async getForPromString() {
    const { name, help, combine } = this.#entry;
    return { name, help, type: 'histogram', aggregator: combine, values: this.#series.flatMap((series) => series.samples(name)) };
  }
}

/** Series of one label that are made when they are first asked for. */
export class TimingFamily {
  readonly #histogram: TimingHistogram;
  readonly #label: string;
  readonly #known = new Map<string, Timing>();

  /** @param label The only label of the histogram. Its values come from a bounded set. */
  constructor(histogram: TimingHistogram, label: string) {
    this.#histogram = histogram;
    this.#label = label;
  }

  /** Returns the series of a value. */
  of(value: string): Timing {
    let timing = this.#known.get(value);
    if (timing === undefined) {
      timing = this.#histogram.make({ [this.#label]: value });
      this.#known.set(value, timing);
    }
    return timing;
  }
}
