/** What joins processes to each other: one link to Redis with broker, presence and queues on it, and the store. */
import { randomBytes } from 'node:crypto';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import type { Config } from '#libs/config/config.ts';
import { JobsBullmq } from '#libs/jobs/jobs-bullmq.ts';
import { NodeDirectoryRedis } from '#libs/presence/node-directory-redis.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { TokenBucketsRedis } from '#libs/redis/token-buckets-redis.ts';
import { MessageArchive } from '#libs/rooms/message-archive.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { Backend } from './backend.ts';

/** Seconds between two lines that say what is waited for. */
const WAIT_SECONDS = 5;
/** The part of `DRAIN_SECONDS` that running jobs get; connections are closed in the rest. */
const JOBS_SHARE = 0.8;

export interface RedisBackendParts {
  /** The name of this process among all. */
  readonly node: string;
  /** Given over: closed with the backend. */
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Connects to the Redis of `url`. Waits for as long as it is away, and says so.
 * @throws TypeError where the URL is none.
 */
export async function openRedisBackend(url: string, config: Config, parts: RedisBackendParts): Promise<Backend> {
  const { node, store, metrics, log } = parts;
  const link = RedisLink.open(url, { prefix: config.redisPrefix, log });
  await whole(link, log);
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
    nodes: new NodeDirectoryRedis(link),
    buckets: new TokenBucketsRedis(link),
    link,
    jobs: () => new JobsBullmq(link, { log, observe: metrics.jobs, closeMs: config.drainSeconds * 1000 * JOBS_SHARE }),
    ready: () => link.whole,
    async close() {
      await store.close();
      await link.close();
    },
  };
}

async function whole(link: RedisLink, log: Logger): Promise<void> {
  const hosts = link.target.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  for (;;) {
    try {
      await link.ready(WAIT_SECONDS * 1000);
      return;
    } catch {
      log.warn(`waiting for Redis at ${hosts} (REDIS_URL)`);
    }
  }
}
