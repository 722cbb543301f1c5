import { coreTime, cpuMicrosOf } from './proc.ts';
import { SERVER_CORE } from './process.ts';

/** A process whose CPU is of interest. */
export interface Metered {
  readonly name: string;
  readonly pid: number;
}

/** What was used in a stretch of time. */
export interface Used {
  readonly seconds: number;
  /** User and system time of the servers, microseconds. */
  readonly serverMicros: number;
  /** The whole core of the servers, interrupts included, microseconds in steps of 10,000. */
  readonly coreMicros: number;
  /** Of it, interrupts. */
  readonly softirqMicros: number;
  /** Share of a core (0-1) of each process, by name. */
  readonly shares: Readonly<Record<string, number>>;
}

/** Measures the CPU of a side's processes from its start to each `read`. */
export class Meter {
  readonly #servers: readonly Metered[];
  readonly #others: readonly Metered[];
  readonly #core = coreTime(SERVER_CORE);
  readonly #before: ReadonlyMap<Metered, number>;
  readonly #started = performance.now();

  /** @param others what runs beside the servers: Redis, the load. */
  constructor(servers: readonly Metered[], others: readonly Metered[]) {
    this.#servers = servers;
    this.#others = others;
    this.#before = new Map([...servers, ...others].map((one) => [one, cpuMicrosOf(one.pid)]));
  }

  read(): Used {
    const ms = performance.now() - this.#started;
    const used = (one: Metered) => cpuMicrosOf(one.pid) - (this.#before.get(one) ?? 0);
    const core = coreTime(SERVER_CORE);
    const all = [...this.#servers, ...this.#others].map((one) => [one.name, used(one)] as const);
    return {
      seconds: ms / 1000,
      serverMicros: all.slice(0, this.#servers.length).reduce((sum, [, cpu]) => sum + cpu, 0),
      coreMicros: core.busy - this.#core.busy,
      softirqMicros: core.softirq - this.#core.softirq,
      shares: Object.fromEntries(all.map(([name, cpu]) => [name, cpu / ms / 1000])),
    };
  }
}

/** The process that used most of a core, e.g. `server 93 %`. */
export function busiest(shares: Readonly<Record<string, number>>): string {
  const [name, share] = Object.entries(shares).reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0]);
  return `${name} ${Math.round(share * 100)} %`;
}
