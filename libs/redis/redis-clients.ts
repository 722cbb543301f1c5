import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisTarget } from '#libs/config/redis-url.ts';

/** The longest pause between two attempts to connect, milliseconds: one node may be back by so much later than another. */
export const RECONNECT_PAUSE_MAX_MS = 1000;

/** Milliseconds before the given attempt (from 1): more with each, up to the longest. `random` from 0 to 1: nodes do not come back in step. */
export function reconnectPause(attempt: number, random: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), RECONNECT_PAUSE_MAX_MS) * (0.5 + random / 2);
}

/** The name that the certificate of a client's present connection was checked against, as the handshake told. */
const checkedNames = new WeakMap<Redis, { name: string | undefined }>();

/**
 * The name that the certificate of the present connection belongs to: what any other connection to this server has to ask for, whatever the address. Undefined
 * without TLS.
 */
export function checkedName(redis: Redis): string | undefined {
  return checkedNames.get(redis)?.name;
}

/** A client whose certificates are checked as Node does, and remembered by name: with Sentinel only the handshake knows whom it is with. */
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
 * Clients of ioredis as the hub needs them. Nothing is queued while away and nothing is sent again after a break: a Redis that came back
 * with older data must not get a write that was meant for another epoch. The hub retries itself, under the same key.
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
    // `MasterConnection` asks itself: ioredis goes on without an answer where INFO is not allowed.
    enableReadyCheck: false,
    connectTimeout: timeoutMs,
    keepAlive: 5000,
    retryStrategy: (attempt) => reconnectPause(attempt, Math.random()),
  };
}

/** A client of one server. `once`: it gives up when the connection fails or breaks. */
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

/** A client of whichever server the sentinels call the master; it moves by itself when they announce another. */
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
