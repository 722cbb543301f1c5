import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from '#libs/config/redis-url.ts';

/**
 * `adds`: commands fail soon while Redis is away, so that the caller gets an error. `works`: commands wait until Redis is
 * back, and may block.
 */
export type QueueClientUse = 'adds' | 'works';

/** Milliseconds without a byte, while a reply is due, after which a working connection counts as dead. Longer than its longest blocking command. */
const SILENT_MS = 20_000;

/**
 * A client of ioredis as BullMQ needs it, for any kind of target. It queues and resends commands, which is harmless for
 * jobs, whose scripts detect a repetition. Not for rooms and presence. The caller disconnects it.
 */
export function connectQueueClient(target: RedisTarget, use: QueueClientUse, timeoutMs: number): Redis | Cluster {
  const common = {
    protocol: 2,
    db: target.db,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls ? { tls: {} } : {}),
    disableClientInfo: true,
    connectTimeout: timeoutMs,
    keepAlive: 5000,
    maxRetriesPerRequest: null,
    enableOfflineQueue: use === 'works',
    // Sentinel and Cluster: leaves a server that became a replica at once.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(use === 'adds' ? { commandTimeout: timeoutMs } : { socketTimeout: SILENT_MS }),
  } satisfies Omit<RedisOptions, 'replyMapping'>;
  const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 1000) * (0.5 + Math.random() / 2);
  if (target.mode === 'cluster') {
    return new Cluster(
      target.nodes.map((node) => ({ ...node })),
      {
        redisOptions: common,
        // Host names are not resolved here: certificates name them.
        dnsLookup: (address, done) => done(null, address),
        clusterRetryStrategy: retryStrategy,
        enableOfflineQueue: use === 'works',
        slotsRefreshTimeout: timeoutMs,
      },
    );
  }
  if (target.mode === 'sentinel') {
    return new Redis({
      ...common,
      retryStrategy,
      sentinels: target.nodes.map((node) => ({ ...node })),
      name: target.masterName,
      role: 'master',
      sentinelCommandTimeout: timeoutMs,
      sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
      ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
      ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    });
  }
  const [address] = target.nodes;
  return new Redis({ ...common, retryStrategy, host: address?.host ?? '', port: address?.port ?? 0 });
}
