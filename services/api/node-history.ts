/** The recent past of the gateways, from their own reports (A13). */
import { NODE_LOST_MS, type NodeDirectory, type NodeSighting } from '#libs/presence/node-directory.ts';
import { CHARTS, type Chart, LINES_MAX, type NodeSeries } from './node-series.ts';

/** Milliseconds between two samples, and the samples that are kept: two hours of them. */
const EVERY_MS = 15_000;
const SAMPLES = 480;

/** The numbers of one gateway at one moment. */
type Sample = Readonly<Record<Chart, number | null>>;

/** Parts of `NodeHistory`. */
export interface NodeHistoryOptions {
  readonly nodes: Pick<NodeDirectory, 'list'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds between two samples. Default 15,000. */
  readonly everyMs?: number;
}

/**
 * A ring of samples in the memory of this process. It begins with the process: for days, or for
 * several API processes that agree, there is Prometheus.
 */
export class NodeHistory {
  readonly #options: NodeHistoryOptions;
  #ring: { readonly at: number; readonly nodes: ReadonlyMap<string, Sample> }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NodeHistoryOptions) {
    this.#options = options;
  }

  /** Takes samples until `stop`. They do not keep the process alive. */
  start(): void {
    void this.sample();
    this.#timer = setInterval(() => void this.sample(), this.#options.everyMs ?? EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes a sample. While the backend is away there is a gap. Never rejects. */
  async sample(): Promise<void> {
    const at = this.#options.now();
    try {
      const living = (await this.#options.nodes.list()).filter(({ silent }) => silent <= NODE_LOST_MS);
      this.#ring.push({ at, nodes: new Map(living.slice(0, LINES_MAX).map((node) => [node.id, sampleOf(node)])) });
    } catch {
      this.#ring.push({ at, nodes: new Map() });
    }
    if (this.#ring.length > SAMPLES) this.#ring.shift();
  }

  /** The samples of the last `seconds`. */
  series(seconds: number): NodeSeries {
    const from = this.#options.now() - seconds * 1000;
    const ring = this.#ring.filter(({ at }) => at >= from);
    const names = [...new Set(ring.flatMap(({ nodes }) => [...nodes.keys()]))].toSorted().slice(0, LINES_MAX);
    const lines = (chart: Chart) => names.map((node) => ({ node, values: ring.map(({ nodes }) => nodes.get(node)?.[chart] ?? null) }));
    return {
      times: ring.map(({ at }) => Math.round(at / 1000)),
      charts: Object.fromEntries(CHARTS.map((chart) => [chart, lines(chart)])) as unknown as NodeSeries['charts'],
    };
  }
}

/** Gateways of an earlier release do not report latencies. */
function sampleOf({ connections, messagesPerSecond, redisLag, ackP99, deliveryP99 }: NodeSighting): Sample {
  return { connections, messages: messagesPerSecond, redisLag, ack: ackP99 ?? null, delivery: deliveryP99 ?? null };
}
