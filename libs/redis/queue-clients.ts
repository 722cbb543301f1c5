import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from '#libs/config/redis-url.ts';

/**
 * `adds`: fails soon while Redis is away, so that a caller can be told. `works`: waits until it is back, and may block in a command.
 */
export type QueueClientUse = 'adds' | 'works';

/** Milliseconds without any byte, while one is waited for, after which a working connection counts as dead: longer than its longest blocking command. */
const SILENT_MS = 20_000;

/**
 * A client of ioredis as BullMQ needs it, for any kind of target. Not for rooms and presence: it queues and sends again, which is harmless for jobs, whose scripts
 * know a repetition. The caller disconnects it.
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
    // Sentinel and Cluster: a server that became a replica is left at once.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(use === 'adds' ? { commandTimeout: timeoutMs } : { socketTimeout: SILENT_MS }),
  } satisfies Omit<RedisOptions, 'replyMapping'>;
  const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 1000) * (0.5 + Math.random() / 2);
  if (target.mode === 'cluster') {
    return new Cluster(
      target.nodes.map((node) => ({ ...node })),
      {
        redisOptions: common,
        // Names stay names: certificates are made out to them.
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
