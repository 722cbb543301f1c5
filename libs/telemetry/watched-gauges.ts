/** Gauges whose values are read at each scrape. */
import { Gauge, type Registry } from 'prom-client';
import { WATCHED_GAUGES, type WatchedGauge } from './gauge-table.ts';
import type { MetricEntry } from './metric-entry.ts';
import type { LabelValues } from './timing-histogram.ts';

/** Returns the value, or undefined if there is none now: then the series is not shown. */
export type GaugeReader = () => number | undefined;

interface Watched {
  readonly labels: LabelValues;
  readonly read: GaugeReader;
}

/** All gauges of the table. Those that nobody reads a value for have none. */
export class WatchedGauges {
  readonly #readers = new Map<WatchedGauge, Watched[]>();

  /** @param define Returns the options of prom-client for an entry of the table. */
  constructor(registry: Registry, define: (entry: MetricEntry) => { name: string; help: string; labelNames: string[] }) {
    for (const gauge of Object.keys(WATCHED_GAUGES) as WatchedGauge[]) {
      const readers: Watched[] = [];
      this.#readers.set(gauge, readers);
      new Gauge<string>({
        ...define(WATCHED_GAUGES[gauge]),
        registers: [registry],
        collect() {
          // A gauge without labels has the value 0 from its start.
          this.remove({});
          for (const { labels, read } of readers) {
            const value = read();
            if (value === undefined) this.remove(labels);
            else this.set(labels, value);
          }
        },
      });
    }
  }

  /** Reads one series of a gauge at each scrape from now on. */
  watch(gauge: WatchedGauge, read: GaugeReader, labels: LabelValues = {}): void {
    this.#readers.get(gauge)?.push({ labels, read });
  }
}
