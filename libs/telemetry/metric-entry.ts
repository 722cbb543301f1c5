/** The form of a row of the metric tables. */

/**
 * How the values of several processes become one. `sum`: each process counts its own part. `max`,
 * `min`, `first`: each reports the same fact.
 */
type Combine = 'sum' | 'max' | 'min' | 'first';

/** One metric. */
export interface MetricEntry {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly combine: Combine;
  /** The names of its labels. The values are small fixed sets. */
  readonly label?: string | readonly string[];
}

/** A histogram, with the upper bounds of its buckets in seconds. */
export interface HistogramEntry extends MetricEntry {
  readonly kind: 'histogram';
  readonly combine: 'sum';
  readonly buckets: readonly number[];
}
