/** The backend of the hub: Redis and PostgreSQL, or the memory of one process. */

import { randomBytes } from 'node:crypto';
import type { Broker } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import type { Config } from '#libs/config/config.ts';
import { parseDatabaseUrl } from '#libs/config/database-url.ts';
import type { HostAndPort } from '#libs/config/url.ts';
import type { Jobs } from '#libs/jobs/jobs.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { type RecentSets, RecentSetsMemory } from '#libs/limits/recent-sets.ts';
import { type TokenBuckets, TokenBucketsMemory } from '#libs/limits/token-buckets.ts';
import { MessageArchive } from '#libs/messages/message-archive.ts';
import type { NodeDirectory } from '#libs/presence/node-directory.ts';
import { NodeDirectoryMemory } from '#libs/presence/node-directory-memory.ts';
import { NodeDirectoryRedis } from '#libs/presence/node-directory-redis.ts';
import type { Presence } from '#libs/presence/presence.ts';
import type { PresenceEdges } from '#libs/presence/presence-edges.ts';
import { PresenceEdgesRedis } from '#libs/presence/presence-edges-redis.ts';
import { PresenceMemory, PresenceSpace } from '#libs/presence/presence-memory.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { type SettingWarning, warningText } from '#libs/protocol/setting-warnings.ts';
import { RecentSetsRedis } from '#libs/redis/recent-sets-redis.ts';
import { RedisHealth } from '#libs/redis/redis-health.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { TokenBucketsRedis } from '#libs/redis/token-buckets-redis.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { type Awaited, answered, type WaitingListener } from './waiting.ts';

/** The share of `DRAIN_SECONDS` for running jobs. Connections are closed in the rest. */
const JOBS_SHARE = 0.8;
const BOOT_BYTES = 4;

/** The parts that the Redis backend works with. */
export interface RedisBackendParts {
  /** The node id of this process. */
  readonly node: string;
  /** Owned by the backend from now on: `close` closes it. */
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Called with the reason while the start waits for a backend. */
  readonly waiting?: WaitingListener | undefined;
  /**
   * The program migrates the database itself, once it answers. Default false: it waits until the
   * database has the schema of this version.
   */
  readonly migrates?: boolean;
}

/**
 * Connects to the Redis of `url`. Waits until Redis and the store answer and the schema is not older
 * than this version, and logs while it waits.
 *
 * @throws TypeError for a bad URL. ConfigError if a backend refuses what the hub needs.
 */
export async function openRedisBackend(url: string, config: Config, parts: RedisBackendParts): Promise<Backend> {
  const { node, store, metrics, log, tracer } = parts;
  const link = RedisLink.open(url, { prefix: config.redisPrefix, log, observe: metrics.redis });
  const health = new RedisHealth(link);
  try {
    const redis = { name: `Redis at ${addresses(link.target.nodes)} (REDIS_URL)`, ask: () => health.admit() };
    await answered([redis, awaitedStore(config.databaseUrl, store, parts.migrates)], log, parts.waiting);
  } catch (error) {
    await link.close();
    throw error;
  }
  health.start();
  metrics.watch('redisUp', () => (link.whole ? 1 : 0));
  metrics.watch('clockOffset', () => health.clockOffset);
  const warnings = async (): Promise<SettingWarning[]> => [
    ...(await durabilityFaults(store)),
    ...(health.advice === undefined ? [] : [health.advice]),
  ];
  for (const warning of await warnings()) log.warn(warningText(warning));
  const { hot } = metrics;
  const broker = new BrokerRedis(link, {
    streamMaxLength: config.streamMaxMessages,
    streamMaxAgeMs: config.streamMaxSeconds * 1000,
    emptyTtlMs: config.emptyRoomSeconds * 1000,
    archive: new MessageArchive(store.messages),
    observe: {
      gap: (filled) => {
        hot.gapsFound += 1;
        if (filled) hot.gapsFilled += 1;
      },
      reconnect: () => {
        hot.redisReconnects += 1;
      },
      lag: (seconds) => {
        hot.redisLagSeconds = seconds;
      },
    },
  });
  const presence = new PresenceRedis(link, {
    node,
    // A restarted node of the same name is another node.
    boot: randomBytes(BOOT_BYTES).toString('hex'),
    observe: {
      reaped: (sessions) => {
        hot.presenceReaped += sessions;
      },
      restored: (sessions) => {
        hot.presenceRestores += 1;
        log.warn({ sessions }, 'Redis had lost presence: this node restored its part');
      },
    },
  });
  return {
    store,
    broker,
    presence,
    edges: new PresenceEdgesRedis(link),
    nodes: new NodeDirectoryRedis(link),
    buckets: new TokenBucketsRedis(link),
    recent: new RecentSetsRedis(link),
    link,
    async jobs() {
      const { JobsBullmq } = await import('#libs/jobs/jobs-bullmq.ts');
      return new JobsBullmq(link, { log, tracer, observe: metrics.jobs, closeMs: config.drainSeconds * 1000 * JOBS_SHARE });
    },
    clockOffset: () => health.clockOffset,
    problem: () => (health.problem === undefined ? undefined : `Redis: ${health.problem}`),
    warnings,
    async close() {
      health.stop();
      await store.close();
      await link.close();
    },
  };
}

/**
 * Makes the store an `Awaited`.
 *
 * @param databaseUrl Undefined: the PostgreSQL that the all-in-one runs itself.
 * @param migrates True if the program migrates the schema itself. If false, the schema must be that
 *   of this version or a later one.
 */
export function awaitedStore(databaseUrl: string | undefined, store: Store, migrates = false): Awaited {
  const where =
    databaseUrl === undefined
      ? 'the embedded PostgreSQL'
      : `PostgreSQL at ${addresses(parseDatabaseUrl(databaseUrl).hosts)} (DATABASE_URL)`;
  return { name: where, ask: () => (migrates ? store.ping() : store.checkSchema()) };
}

/** Empty if the database does not answer. */
function durabilityFaults(store: Pick<Store, 'durabilityFaults'>): Promise<readonly SettingWarning[]> {
  return store.durabilityFaults().catch(() => []);
}

function addresses(hosts: readonly HostAndPort[]): string {
  return hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
}

/** The backend of a process. The parts of the hub share it. */
export interface Backend {
  readonly store: Store;
  readonly broker: Broker;
  /** A process that is no gateway only reads it, without `start`. */
  readonly presence: Presence;
  /** The edges of presence. One process at a time observes them. */
  readonly edges: PresenceEdges;
  /** The reports of gateways about themselves. */
  readonly nodes: NodeDirectory;
  /** Token buckets that the nodes share. */
  readonly buckets: TokenBuckets;
  /** Sets of the newest members that the nodes share. */
  readonly recent: RecentSets;
  /** The connection to Redis; undefined if everything is in this process. */
  readonly link: RedisLink | undefined;
  /**
   * Opens the queues. The caller closes them before the backend. A process that opens none, such as
   * a gateway, does not load BullMQ: 170 files, a third of a gateway's start.
   */
  jobs(): Promise<Jobs>;
  /**
   * Returns why this process should not serve, without asking a backend now: Redis is away or
   * cannot keep data. Undefined if all is well. A PostgreSQL that is away is no reason (M1).
   */
  problem(): string | undefined;
  /** Seconds that this machine's wall clock is ahead of Redis's. 0 without Redis. */
  clockOffset(): number;
  /**
   * Returns what in the set-up of Redis and PostgreSQL breaks a promise, or soon will. Never rejects: what is away is left out. A start logs each.
   */
  warnings(): Promise<readonly SettingWarning[]>;
  /** Closes the store and the connection to Redis. Close broker and presence before. */
  close(): Promise<void>;
}

/**
 * Opens the backend of a process that runs alone. Nothing but the store outlives the process.
 *
 * @param parts `store`: owned by the backend from now on, `close` closes it.
 */
export function openMemoryBackend(
  config: Pick<Config, 'nodeId' | 'streamMaxMessages' | 'streamMaxSeconds' | 'emptyRoomSeconds'>,
  parts: Pick<RedisBackendParts, 'store' | 'metrics' | 'log' | 'tracer'>,
): Backend {
  const { store, metrics, log, tracer } = parts;
  const limits = {
    ...DEFAULT_BROKER_LIMITS,
    streamMaxLength: config.streamMaxMessages,
    streamMaxAgeMs: config.streamMaxSeconds * 1000,
    emptyTtlMs: config.emptyRoomSeconds * 1000,
  };
  const broker = new BrokerMemory(limits, undefined, new MessageArchive(store.messages));
  const space = new PresenceSpace();
  return {
    store,
    broker,
    presence: new PresenceMemory(broker, { node: config.nodeId, space }),
    edges: space.edges,
    nodes: new NodeDirectoryMemory(),
    buckets: new TokenBucketsMemory(),
    recent: new RecentSetsMemory(),
    link: undefined,
    jobs: async () => new JobsMemory({ log, tracer, observe: metrics.jobs }),
    clockOffset: () => 0,
    problem: () => undefined,
    warnings: () => durabilityFaults(store),
    close: () => store.close(),
  };
}
