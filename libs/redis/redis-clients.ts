/** Makes clients of ioredis, for the hub and for the job queues. */
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisTarget } from '#libs/config/redis-url.ts';

/**
 * `adds`: commands fail soon while Redis is away, so that the caller gets an error. `works`:
 * commands wait until Redis is back, and may block.
 */
export type QueueClientUse = 'adds' | 'works';

/**
 * Milliseconds without a byte while a reply is due. A connection that is silent this long counts as
 * dead. Longer than the longest blocking command.
 */
const SILENT_MS = 20_000;

/**
 * Makes a client for BullMQ, for any kind of target. It queues commands and sends them again, which
 * is harmless for jobs: their scripts detect a repetition. Do not use it for rooms and presence.
 * The caller disconnects it.
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
    // Sentinel and Cluster: leaves a server at once that became a replica.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(use === 'adds' ? { commandTimeout: timeoutMs } : { socketTimeout: SILENT_MS }),
  } satisfies Omit<RedisOptions, 'replyMapping'>;
  const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 1000) * (0.5 + Math.random() / 2);
  if (target.mode === 'cluster') {
    return new Cluster(
      target.nodes.map((node) => ({ ...node })),
      {
        redisOptions: common,
        // Host names stay as they are, since certificates name them.
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

/**
 * The longest pause between two attempts to connect, in milliseconds. Nodes may reconnect this far
 * apart.
 */
export const RECONNECT_PAUSE_MAX_MS = 1000;

/**
 * Returns the milliseconds to wait before an attempt: doubled with each, at most
 * `RECONNECT_PAUSE_MAX_MS`.
 *
 * @param attempt Counted from 1.
 * @param random 0 to 1. It spreads the attempts of several nodes.
 */
export function reconnectPause(attempt: number, random: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), RECONNECT_PAUSE_MAX_MS) * (0.5 + random / 2);
}

/** The host names that the certificates of present connections were checked against. */
const checkedNames = new WeakMap<Redis, { name: string | undefined }>();

/**
 * Returns the host name that the certificate of the present connection was checked against. Another
 * connection to this server must use the same name, whatever the address. Undefined without TLS.
 */
export function checkedName(redis: Redis): string | undefined {
  return checkedNames.get(redis)?.name;
}

/**
 * Makes a client that checks certificates as Node does and remembers the name. With Sentinel only
 * the handshake knows it.
 */
function client(target: RedisTarget, options: Omit<RedisOptions, 'replyMapping'>): Redis {
  if (!target.tls) return new Redis(options);
  const checked: { name: string | undefined } = { name: undefined };
  const tls: ConnectionOptions = {
    checkServerIdentity: (name, certificate) => {
      checked.name = name;
      return checkServerIdentity(name, certificate);
    },
  };
  const redis = new Redis({ ...options, tls });
  checkedNames.set(redis, checked);
  return redis;
}

/**
 * The options of the hub's own clients. They queue nothing while Redis is away and send nothing
 * again after a break: a Redis that came back with older data must not get a write for another
 * epoch. The hub retries under the same key.
 */
function baseOptions(target: RedisTarget, timeoutMs: number): Omit<RedisOptions, 'replyMapping'> {
  return {
    protocol: 2,
    db: target.db,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    // `MasterConnection` reads INFO itself: ioredis continues without it if INFO is not allowed.
    enableReadyCheck: false,
    connectTimeout: timeoutMs,
    keepAlive: 5000,
    retryStrategy: (attempt) => reconnectPause(attempt, Math.random()),
  };
}

/** Makes a client of one server. `once`: it does not reconnect. */
export function connectServer(
  target: RedisTarget,
  address: RedisAddress,
  timeoutMs: number,
  options: { readonly once?: boolean } = {},
): Redis {
  const { retryStrategy, ...base } = baseOptions(target, timeoutMs);
  return client(target, {
    ...base,
    host: address.host,
    port: address.port,
    ...(options.once ? { commandTimeout: timeoutMs, retryStrategy: () => null } : retryStrategy ? { retryStrategy } : {}),
  });
}

/** Makes a client of the master that the sentinels name. It follows them to another master. */
export function connectSentinel(target: RedisTarget, timeoutMs: number): Redis {
  return client(target, {
    ...baseOptions(target, timeoutMs),
    sentinels: target.nodes.map((node) => ({ host: node.host, port: node.port })),
    name: target.masterName,
    role: 'master',
    failoverDetector: true,
    sentinelCommandTimeout: timeoutMs,
    sentinelReconnectStrategy: () => 2000,
    sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
    ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
    ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
}
