import type { WorkerLink } from './links.ts';
import type { Order, Part, Report, Settled } from './orders.ts';
import type { Published } from './receipts.ts';
import { type Interval, Merged } from './samples.ts';

/** A shorter time says little about CPU. */
const BRIEF_SECONDS = 0.5;

/** All workers of a load, as one. */
export class Fleet {
  readonly size: number;
  readonly #links: readonly WorkerLink[];
  readonly #newest = new Map<WorkerLink, Interval>();
  /** The share of a processor that each worker took, in its last report over half a second. */
  readonly #cpu = new Map<WorkerLink, number>();
  #bucket = new Merged();
  #failure: ((error: Error) => void) | undefined;
  #waiters: { readonly wanted: Report['report']; readonly got: (link: WorkerLink, report: Report) => void }[] = [];

  /** Rejects once a worker fails. */
  readonly failed: Promise<never>;

  constructor(links: readonly WorkerLink[]) {
    this.#links = links;
    this.size = links.length;
    this.failed = new Promise((_, reject) => {
      this.#failure = reject;
    });
    this.failed.catch(() => undefined);
    for (const link of links) link.onReport = (report) => this.#take(link, report);
  }

  /** Gives each worker its part. */
  prepare(part: Omit<Part, 'worker' | 'workers' | 'clockOffset'>): void {
    for (const [worker, link] of this.#links.entries())
      link.tell({ order: 'part', part: { ...part, worker, workers: this.size, clockOffset: 0 } });
  }

  /** Resolves once all are connected. */
  async connect(): Promise<void> {
    await this.#ask({ order: 'connect' }, 'connected');
  }

  /** @param rate messages a second of all workers together. */
  async talk(rate: number): Promise<void> {
    await this.#ask({ order: 'talk', rate }, 'talking');
  }

  /** Resolves once everything until now is reported. */
  async report(): Promise<void> {
    await this.#ask({ order: 'report' }, 'reported');
  }

  /** Ends the talk, and waits for what is under way. */
  async hush(): Promise<void> {
    await this.#ask({ order: 'hush' }, 'hushed');
  }

  /** Compares what was published with what everybody got. */
  async settle(): Promise<Settled> {
    const rooms: Record<number, { sent: number[]; uncertain: (readonly [number, number])[] }> = {};
    for (const report of await this.#ask({ order: 'published' }, 'published')) {
      if (report.report !== 'published') continue;
      for (const [room, { sent, uncertain }] of Object.entries(report.published)) mergeRoom(rooms, Number(room), { sent, uncertain });
    }
    const sum: Settled = { receivers: 0, excused: 0, expected: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 };
    const settled = await this.#ask({ order: 'settle', published: rooms }, 'settled');
    return settled.reduce<Settled>((all, report) => (report.report === 'settled' ? added(all, report.settled) : all), sum);
  }

  /** What happened since the last call, in all workers. */
  take(): Merged {
    const bucket = this.#bucket;
    this.#bucket = new Merged();
    for (const { open, waiting } of this.#newest.values()) {
      bucket.open += open;
      bucket.waiting += waiting;
    }
    return bucket;
  }

  /** The busiest worker, by the share of a processor that it took lately. */
  busiest(): { readonly name: string; readonly share: number } {
    let most = { name: '', share: 0 };
    for (const [link, share] of this.#cpu) if (share >= most.share) most = { name: link.name, share };
    return most;
  }

  /** Resolves once all are gone. */
  async end(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.end()));
  }

  #take(link: WorkerLink, report: Report): void {
    if (report.report === 'interval') {
      this.#bucket.add(report.interval);
      this.#newest.set(link, report.interval);
      const { cpuSeconds, seconds } = report.interval;
      if (seconds > BRIEF_SECONDS) this.#cpu.set(link, cpuSeconds / seconds);
      return;
    }
    if (report.report === 'failure') {
      this.#failure?.(new Error(`${link.name}: ${report.message}`));
      return;
    }
    for (const waiter of this.#waiters) if (waiter.wanted === report.report) waiter.got(link, report);
  }

  /** Tells all, and resolves with the answer of each. */
  #ask(order: Order, wanted: Report['report']): Promise<Report[]> {
    const answers = new Map<WorkerLink, Report>();
    const all = new Promise<Report[]>((resolve) => {
      const waiter = {
        wanted,
        got: (link: WorkerLink, report: Report) => {
          answers.set(link, report);
          if (answers.size < this.size) return;
          this.#waiters = this.#waiters.filter((one) => one !== waiter);
          resolve([...answers.values()]);
        },
      };
      this.#waiters.push(waiter);
    });
    for (const link of this.#links) link.tell(order);
    return Promise.race([all, this.failed]);
  }
}

function mergeRoom(
  rooms: Record<number, { sent: number[]; uncertain: (readonly [number, number])[] }>,
  room: number,
  more: Published,
): void {
  const known = rooms[room] ?? { sent: [], uncertain: [] };
  // Each writer belongs to one worker: its place is empty in what the others tell.
  for (const [writer, count] of more.sent.entries()) known.sent[writer] = Math.max(known.sent[writer] ?? 0, count ?? 0);
  known.uncertain.push(...more.uncertain);
  rooms[room] = known;
}

function added(one: Settled, other: Settled): Settled {
  return Object.fromEntries(Object.entries(one).map(([name, value]) => [name, value + other[name as keyof Settled]])) as unknown as Settled;
}
