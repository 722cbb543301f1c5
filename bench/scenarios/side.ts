import { LoadProcess } from '#bench/load/load-process.ts';
import type { Plan } from '#bench/load/plan.ts';
import { Meter } from '#bench/measure/meter.ts';
import { makeDatabase } from '#bench/measure/postgres-process.ts';
import { cpuMicrosOf } from '#bench/measure/proc.ts';
import { type RedisProcess, startRedis } from '#bench/measure/redis-process.ts';
import { NEEDS, startTarget, stopTarget, type Target, type TargetKind } from '#bench/measure/target.ts';
import type { PostgresDatabase } from '#test/support/postgres.ts';
import type { Outcome } from './outcome.ts';

/**
 * One side of a comparison: servers of a kind, with a load, a Redis and a database of their own.
 */
export interface SideSpec {
  readonly label: string;
  readonly kind: TargetKind;
  readonly rooms: readonly string[];
  /** What its clients speak, if it is not the first dialect of its servers. */
  readonly dialect?: Plan['dialect'];
}

/** The audience. The rest of the plan follows from the side. */
export type Audience = Pick<Plan, 'members' | 'publishers' | 'sampleEvery' | 'readEveryMs'> & Partial<Pick<Plan, 'roomsEach' | 'rooms'>>;

const CONCURRENCY = 64;
const QUIET_STEP_MS = 300;
/** Servers with less CPU than this in one step are idle, microseconds. */
const QUIET_MICROS = 6_000;
const QUIET_STEPS = 40;

/** Plans so far: users of each are new. */
let prefixes = 0;

/** A side whose servers accept connections. */
export class Side {
  readonly spec: SideSpec;
  readonly target: Target;
  readonly load: LoadProcess;
  readonly #redis: RedisProcess | undefined;
  readonly #database: PostgresDatabase | undefined;

  private constructor(
    spec: SideSpec,
    target: Target,
    load: LoadProcess,
    redis: RedisProcess | undefined,
    database: PostgresDatabase | undefined,
  ) {
    this.spec = spec;
    this.target = target;
    this.load = load;
    this.#redis = redis;
    this.#database = database;
  }

  /** Starts everything a side needs. */
  static async start(spec: SideSpec): Promise<Side> {
    const redis = NEEDS.redis.has(spec.kind) ? await startRedis() : undefined;
    const database = NEEDS.database.has(spec.kind) ? await makeDatabase() : undefined;
    const target = await startTarget(spec.kind, { redisUrl: redis?.url ?? '', databaseUrl: database?.url ?? '' });
    return new Side(spec, target, new LoadProcess(spec.label), redis, database);
  }

  /** The same processes for other rooms, once nobody is connected and they are idle. */
  async anew(spec: SideSpec): Promise<Side> {
    await this.load.disconnect();
    await this.quiet();
    return new Side(spec, this.target, this.load, this.#redis, this.#database);
  }

  /** Its database. @throws TypeError if its servers have none. */
  get database(): PostgresDatabase {
    if (this.#database === undefined) throw new TypeError(`${this.spec.label} has no database`);
    return this.#database;
  }

  /** A plan for this side's load, with users no earlier plan had. */
  plan(audience: Audience): Plan {
    prefixes += 1;
    return {
      ports: this.target.ports,
      dialect: this.spec.dialect ?? this.target.dialect,
      secret: this.target.secret,
      rooms: this.spec.rooms,
      concurrency: CONCURRENCY,
      userPrefix: `u${prefixes}`,
      roomsEach: 1,
      ...audience,
    };
  }

  /** Connects an audience and waits until the servers are idle again. */
  async seat(audience: Audience): Promise<void> {
    await this.load.prepare(this.plan(audience));
    await this.load.connect();
    await this.quiet();
  }

  /** Resolves when the servers are idle, or after twelve seconds. */
  async quiet(): Promise<void> {
    const used = () => this.target.servers.reduce((sum, server) => sum + cpuMicrosOf(server.pid), 0);
    let before = used();
    for (let step = 0; step < QUIET_STEPS; step++) {
      await pause(QUIET_STEP_MS);
      const now = used();
      if (now - before < QUIET_MICROS) return;
      before = now;
    }
  }

  /** Measures its processes from now on. */
  meter(): Meter {
    const redis = this.#redis === undefined ? [] : [{ name: 'Redis', pid: this.#redis.process.pid }];
    return new Meter(this.target.servers, [...redis, { name: 'load', pid: this.load.pid }]);
  }

  /** Ends everything of this side. */
  async stop(): Promise<void> {
    await this.load.stop();
    await stopTarget(this.target);
    await this.#redis?.process.stop();
    await this.#database?.drop();
  }
}

/** Sides that stay between two scenarios, by label and kind; undefined: none does. */
let kept: Map<string, Side> | undefined;

/** From now on sides stay for the next scenario that has them. Ends with `stopKeptSides`. */
export function keepSides(): void {
  kept = new Map();
}

/** Ends the sides that stayed. */
export async function stopKeptSides(): Promise<void> {
  await Promise.all([...(kept?.values() ?? [])].map((side) => side.stop()));
  kept = undefined;
}

/**
 * Starts the sides, runs, and ends them: after a failure always, otherwise if they do not stay.
 *
 * @param fresh with processes of their own, which end. Default: those that stayed will do.
 */
export async function withSides<T>(specs: readonly SideSpec[], run: (sides: readonly Side[]) => Promise<T>, fresh = false): Promise<T> {
  const pool = fresh ? undefined : kept;
  const nameOf = ({ label, kind }: SideSpec) => `${label}, ${kind}`;
  const sides: Side[] = [];
  let done = false;
  try {
    for (const spec of specs) {
      const earlier = pool?.get(nameOf(spec));
      const side = earlier === undefined ? await Side.start(spec) : await earlier.anew(spec);
      sides.push(side);
      pool?.set(nameOf(spec), side);
    }
    const result = await run(sides);
    done = true;
    return result;
  } finally {
    if (pool === undefined || !done) {
      for (const side of sides) pool?.delete(nameOf(side.spec));
      await Promise.all(sides.map((side) => side.stop()));
    } else {
      for (const side of sides) await side.load.disconnect();
    }
  }
}

/** The outcome, with a remark for each side that did not accept everybody at the first try. */
export function withFailures(outcome: Outcome, sides: readonly Side[]): Outcome {
  const remarks = sides
    .filter((side) => side.load.failures.length > 0)
    .map(
      (side) => `${side.spec.label}: ${side.load.failures.length} handshakes had to be tried again, the first: ${side.load.failures[0]}`,
    );
  return { ...outcome, remarks: [...outcome.remarks, ...remarks] };
}

/** The sides of a round. Each round starts with another one, so no side is always first. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  return items.map((_, i) => items[(i + round) % items.length]).filter((item) => item !== undefined);
}

/** Measures the sides in turn, A B C B C A. Resolves with the runs of all rounds. */
export async function inTurn<R>(sides: readonly Side[], rounds: number, measure: (side: Side, round: number) => Promise<R>): Promise<R[]> {
  const runs: R[] = [];
  for (let round = 0; round < rounds; round++) for (const side of rotated(sides, round)) runs.push(await measure(side, round));
  return runs;
}

/** Waits by the clock, since this measures time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
