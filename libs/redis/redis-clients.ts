import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisTarget } from '#libs/config/redis-url.ts';

/** The longest pause between two attempts to connect, milliseconds: one node may be back by so much later than another. */
export const RECONNECT_PAUSE_MAX_MS = 1000;

/** Milliseconds before the given attempt (from 1): more with each, up to the longest. `random` from 0 to 1: nodes do not come back in step. */
export function reconnectPause(attempt: number, random: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), RECONNECT_PAUSE_MAX_MS) * (0.5 + random / 2);
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
    ...(target.tls ? { tls: {} } : {}),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    enableReadyCheck: true,
    maxLoadingRetryTime: 500,
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
  return new Redis({
    ...base,
    host: address.host,
    port: address.port,
    ...(options.once ? { commandTimeout: timeoutMs, retryStrategy: () => null } : retryStrategy ? { retryStrategy } : {}),
  });
}

/** A client of whichever server the sentinels call the master; it moves by itself when they announce another. */
export function connectSentinel(target: RedisTarget, timeoutMs: number): Redis {
  return new Redis({
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
