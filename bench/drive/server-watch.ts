import { type ServerSample, scrape } from './scrape.ts';

/** A look at a server, as the plots show it. */
export interface ServerMoment {
  readonly at: number;
  /** The share of one processor; null at the first look. */
  readonly cpu: number | null;
  readonly residentBytes: number;
  readonly redisLagMs: number | null;
  readonly connections: number | null;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Looks at the metrics of servers while a load runs. */
export class ServerWatch {
  readonly moments = new Map<string, ServerMoment[]>();
  readonly #metrics: readonly URL[];
  /** Seconds since the start. */
  readonly #at: () => number;
  readonly #before = new Map<string, ServerSample>();

  /** @param at Seconds since the start of the load. */
  constructor(metrics: readonly URL[], at: () => number) {
    this.#metrics = metrics;
    this.#at = at;
  }

  /** The server process that took most of a processor since a time, seconds. */
  busiest(since: number): { readonly name: string; readonly share: number } {
    let most = { name: '', share: 0 };
    for (const [name, looks] of this.moments) {
      const shares = looks.filter(({ at, cpu }) => at >= since && cpu !== null).map(({ cpu }) => cpu ?? 0);
      const share = shares.reduce((sum, one) => sum + one, 0) / Math.max(1, shares.length);
      if (share >= most.share) most = { name, share };
    }
    return most;
  }

  /** Looks once at each. Returns their CPU so far, seconds; undefined if none answered. */
  async cpuSeconds(): Promise<number | undefined> {
    await this.look();
    const samples = [...this.#before.values()];
    return samples.length === 0 ? undefined : samples.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }

  /** Looks once at each. */
  async look(): Promise<void> {
    await Promise.all(
      this.#metrics.map(async (url) => {
        const sample = await scrape(url);
        if (sample === undefined) return;
        const name = url.host;
        const before = this.#before.get(name);
        this.#before.set(name, sample);
        const looks = this.moments.get(name) ?? [];
        this.moments.set(name, looks);
        looks.push({
          at: Math.round(this.#at() * 10) / 10,
          cpu: before === undefined ? null : finite((sample.cpuSeconds - before.cpuSeconds) / ((sample.at - before.at) / 1000)),
          residentBytes: sample.residentBytes,
          redisLagMs: finite(sample.redisLagSeconds * 1000),
          connections: finite(sample.connections),
        });
      }),
    );
  }
}
