/** What the parts of the hub share, whatever it is made of. */

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
import { RedisHealth } from '#libs/redis/redis-health.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { TokenBucketsRedis } from '#libs/redis/token-buckets-redis.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { type Awaited, answered, type WaitingListener } from './waiting.ts';

/** The part of `DRAIN_SECONDS` that running jobs get; connections are closed in the rest. */
const JOBS_SHARE = 0.8;

export interface RedisBackendParts {
  /** The name of this process among all. */
  readonly node: string;
  /** Given over: closed with the backend. */
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Told what is waited for. */
  readonly waiting?: WaitingListener | undefined;
}

/**
 * Connects to the Redis of `url`. Waits until it and the store have answered, and says so.
 * @throws TypeError where the URL is none, ConfigError where Redis refuses what is needed.
 */
export async function openRedisBackend(url: string, config: Config, parts: RedisBackendParts): Promise<Backend> {
  const { node, store, metrics, log } = parts;
  const link = RedisLink.open(url, { prefix: config.redisPrefix, log });
  const health = new RedisHealth(link);
  try {
    const redis = { name: `Redis at ${addresses(link.target.nodes)} (REDIS_URL)`, ask: () => health.admit() };
    await answered([redis, awaitedStore(config.databaseUrl, store)], log, parts.waiting);
  } catch (error) {
    await link.close();
    throw error;
  }
  health.start();
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
  // Presence tells the lives of a node apart: a node of the same name that was started again is another one.
  const presence = new PresenceRedis(link, {
    node: `${node}.${randomBytes(4).toString('hex')}`,
    observe: {
      reaped: (sessions) => {
        hot.presenceReaped += sessions;
      },
      restored: (sessions) => log.warn({ sessions }, 'presence was lost and put back'),
    },
  });
  return {
    store,
    broker,
    presence,
    edges: new PresenceEdgesRedis(link),
    nodes: new NodeDirectoryRedis(link),
    buckets: new TokenBucketsRedis(link),
    link,
    async jobs() {
      const { JobsBullmq } = await import('#libs/jobs/jobs-bullmq.ts');
      return new JobsBullmq(link, { log, observe: metrics.jobs, closeMs: config.drainSeconds * 1000 * JOBS_SHARE });
    },
    problem: () => (health.problem === undefined ? undefined : `Redis: ${health.problem}`),
    async close() {
      health.stop();
      await store.close();
      await link.close();
    },
  };
}

/** The store as something to wait for. */
export function awaitedStore(databaseUrl: string | undefined, store: Store): Awaited {
  const where =
    databaseUrl === undefined
      ? 'the embedded PostgreSQL'
      : `PostgreSQL at ${addresses(parseDatabaseUrl(databaseUrl).hosts)} (DATABASE_URL)`;
  return { name: where, ask: () => store.ping() };
}

function addresses(hosts: readonly HostAndPort[]): string {
  return hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
}

export interface Backend {
  readonly store: Store;
  readonly broker: Broker;
  /** A process that is no gateway takes no part in it: it asks, without `start`. */
  readonly presence: Presence;
  /** The edges of presence. One process at a time observes them. */
  readonly edges: PresenceEdges;
  /** What gateways tell about themselves. */
  readonly nodes: NodeDirectory;
  /** Token buckets that the nodes share. */
  readonly buckets: TokenBuckets;
  /** The way to Redis; undefined if everything is in this process. */
  readonly link: RedisLink | undefined;
  /**
   * Opens the queues. Whoever opens them closes them, before the backend. A process that opens none, as a gateway, does not even load BullMQ: 170 files,
   * a third of the time that a gateway takes to start.
   */
  jobs(): Promise<Jobs>;
  /**
   * Why this process should not serve, as far as is known without asking: Redis is away, or cannot keep what it is given. Undefined if all is well. A
   * PostgreSQL that went away is no reason (M1).
   */
  problem(): string | undefined;
  /** Gives everything back but what was started by others: broker and presence are closed before. */
  close(): Promise<void>;
}

/** @param store Given over: closed with the backend. */
export function openMemoryBackend(
  config: Pick<Config, 'streamMaxMessages' | 'streamMaxSeconds' | 'emptyRoomSeconds'>,
  parts: { readonly store: Store; readonly metrics: Metrics; readonly log: Logger },
): Backend {
  const { store, metrics, log } = parts;
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
    presence: new PresenceMemory(broker, { space }),
    edges: space.edges,
    nodes: new NodeDirectoryMemory(),
    buckets: new TokenBucketsMemory(),
    link: undefined,
    jobs: async () => new JobsMemory({ log, observe: metrics.jobs }),
    problem: () => undefined,
    close: () => store.close(),
  };
}
