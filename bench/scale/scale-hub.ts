import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { makeDatabase } from '#bench/measure/postgres-process.ts';
import { cpuMicrosOf, memoryOf } from '#bench/measure/proc.ts';
import { LOAD_CORE, pin, SERVER_CORE } from '#bench/measure/process.ts';
import { type RedisProcess, startRedis } from '#bench/measure/redis-process.ts';
import { type GatewayTarget, startGateway } from '#bench/measure/target.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import type { PostgresDatabase } from '#test/support/postgres.ts';
import type { Point } from './grid.ts';
import { audienceOf } from './grid.ts';

const POLL_MS = 50;
/** How long it may take until everything is in Redis again, milliseconds. */
const MOST_MS = 90_000;
const QUIET_MS = 500;
/** A gateway with less CPU than this share of a core is quiet: it still looks after its leases. */
const QUIET_SHARE = 0.06;
const QUIET_LOOKS = 40;
const KEYS = new RedisKeys('parley', false);

/** What Redis knows of who is here. */
interface Known {
  readonly nodes: number;
  readonly online: number;
  readonly memberships: number;
  readonly channels: number;
}

/** Some gateways over one Redis and one database, all of the bench's own. */
export class ScaleHub {
  readonly gateways: GatewayTarget[];
  #redisProcess: RedisProcess;
  /** Commands of the bench itself to this Redis, but INFO, and the bytes of their replies. */
  readonly own = { calls: 0, bytes: 0 };
  readonly #redis: Redis;
  readonly #database: PostgresDatabase;

  private constructor(redisProcess: RedisProcess, redis: Redis, database: PostgresDatabase, gateways: GatewayTarget[]) {
    this.#redisProcess = redisProcess;
    this.#redis = redis;
    this.#database = database;
    this.gateways = gateways;
  }

  /** Starts everything. */
  static async start(nodes: number): Promise<ScaleHub> {
    const [redis, database] = [await startRedis(), await makeDatabase()];
    const backends = { redisUrl: redis.url, databaseUrl: database.url };
    // They start on both cores, at once: one after the other takes a core seconds for each.
    const gateways = await Promise.all(
      Array.from({ length: nodes }, (_, node) => startGateway(`gateway ${node + 1}`, backends, node % 2 === 0 ? SERVER_CORE : LOAD_CORE)),
    );
    for (const { server } of gateways) pin(server.pid, SERVER_CORE);
    // What is asked while Redis is away is asked again.
    const client = new Redis(redis.url, { retryStrategy: () => POLL_MS, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    return new ScaleHub(redis, client, database, gateways);
  }

  get ports(): readonly number[] {
    return this.gateways.map(({ port }) => port);
  }

  /** Resolves once the gateways have nothing to do, or after 20 s. */
  async quiet(): Promise<void> {
    let before = this.#micros();
    for (let look = 0; look < QUIET_LOOKS; look += 1) {
      await delay(QUIET_MS);
      const now = this.#micros();
      if (now - before < QUIET_MS * 1000 * QUIET_SHARE * this.gateways.length) return;
      before = now;
    }
  }

  /** Anonymous memory of all gateways after a full collection, bytes. */
  async memory(): Promise<number> {
    let sum = 0;
    for (const { server } of this.gateways) {
      await server.heap();
      sum += memoryOf(server.pid).anonymous;
    }
    return sum;
  }

  /** Redis ends, with all that it has, and starts again, empty. Resolves once it answers. */
  async restartRedis(): Promise<void> {
    await this.#redisProcess.process.kill();
    this.#redisProcess = await startRedis(Number(new URL(this.#redisProcess.url).port));
    await this.#redis.ping();
    this.own.calls = 0;
    this.own.bytes = 0;
  }

  /** Ends a gateway as a power cut does. */
  async kill(node: number): Promise<void> {
    await this.gateways[node]?.server.kill();
    this.gateways.splice(node, 1);
  }

  /** Starts a gateway in the place of one that is gone. Resolves with its port. */
  async replace(node: number): Promise<number> {
    const backends = { redisUrl: this.#redisProcess.url, databaseUrl: this.#database.url };
    const gateway = await startGateway(`gateway ${node + 1} again`, backends, LOAD_CORE);
    pin(gateway.server.pid, SERVER_CORE);
    this.gateways.splice(node, 0, gateway);
    return gateway.port;
  }

  /**
   * Resolves with the seconds until Redis knows everybody: all users online, all members in their
   * rooms, all channels heard, no node but those that live. Undefined if that takes too long.
   */
  async whole(point: Point, channels: number): Promise<number | undefined> {
    const started = performance.now();
    const { memberships } = audienceOf(point);
    while (performance.now() - started < MOST_MS) {
      const known = await this.known();
      if (
        known.online === point.connections &&
        known.memberships === memberships &&
        known.channels >= channels &&
        known.nodes === this.gateways.length
      )
        return (performance.now() - started) / 1000;
      await delay(POLL_MS);
    }
    return undefined;
  }

  /** A section of INFO. */
  async info(section: string): Promise<string> {
    const text = await this.#redis.info(section);
    this.own.bytes += text.length;
    return text;
  }

  /** What Redis knows now. */
  async known(): Promise<Known> {
    this.own.calls += 2;
    const nodes = (await this.#redis.zrange(KEYS.leases(), '0', '-1')).filter((node) => node !== 'beat' && node !== 'since');
    this.own.calls += nodes.length;
    const [online, stats, ...rooms] = await Promise.all([
      this.#redis.scard(KEYS.online(0)),
      this.info('stats'),
      ...nodes.map((node) => this.#redis.scard(KEYS.nodeRooms(0, node))),
    ]);
    return {
      nodes: nodes.length,
      online,
      memberships: rooms.reduce((sum, count) => sum + count, 0),
      channels: Number(/^pubsub_channels:(\d+)/m.exec(stats)?.[1] ?? 0),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.gateways.map(({ server }) => server.stop()));
    this.#redis.disconnect();
    await this.#redisProcess.process.stop();
    await this.#database.drop();
  }

  #micros(): number {
    return this.gateways.reduce((sum, { server }) => sum + cpuMicrosOf(server.pid), 0);
  }
}
