/** The commands that the hub needs, and the texts for missing rights. */

/** A command with its arguments, without the key, which comes first. */
export type NeededCommand = readonly [name: string, ...args: string[]];

/**
 * Every command of the scripts and of the queues, with arguments that can be tried on a key that holds a string. Redis
 * checks rights before types, so most commands answer with a type error. No command leaves a change behind.
 */
export const NEEDED_COMMANDS: readonly NeededCommand[] = [
  ['SET', '1', 'PX', '10000'],
  ['BZPOPMIN', '0.001'],
  ['EXISTS'],
  ['EXPIRE', '10'],
  ['GET'],
  ['HDEL', 'f'],
  ['HEXISTS', 'f'],
  ['HGET', 'f'],
  ['HGETALL'],
  ['HINCRBY', 'f', '1'],
  ['HLEN'],
  ['HMGET', 'f'],
  ['HMSET', 'f', 'v'],
  ['HSCAN', '0'],
  ['HSET', 'f', 'v'],
  ['INCR'],
  ['INCRBY', '1'],
  ['LINDEX', '0'],
  ['LLEN'],
  ['LPOP'],
  ['LPOS', 'v'],
  ['LPUSH', 'v'],
  ['LRANGE', '0', '0'],
  ['LREM', '0', 'v'],
  ['LSET', '0', 'v'],
  ['LTRIM', '0', '0'],
  ['PERSIST'],
  ['PEXPIRE', '10000'],
  ['PEXPIREAT', '9999999999999'],
  ['PTTL'],
  ['RPOP'],
  ['RPUSH', 'v'],
  ['SADD', 'v'],
  ['SCARD'],
  ['SISMEMBER', 'v'],
  ['SMEMBERS'],
  ['SRANDMEMBER', '1'],
  ['SREM', 'v'],
  ['SSCAN', '0'],
  ['TYPE'],
  ['XADD', '*', 'f', 'v'],
  ['XDEL', '1-1'],
  ['XLEN'],
  ['XRANGE', '-', '+'],
  ['XREVRANGE', '+', '-'],
  ['XTRIM', 'MAXLEN', '1'],
  ['ZADD', '1', 'v'],
  ['ZCARD'],
  ['ZCOUNT', '0', '1'],
  ['ZLEXCOUNT', '-', '+'],
  ['ZPOPMIN'],
  ['ZRANGE', '0', '0'],
  ['ZRANGEBYLEX', '-', '+'],
  ['ZRANGEBYSCORE', '0', '1'],
  ['ZREM', 'v'],
  ['ZREMRANGEBYRANK', '0', '0'],
  ['ZREMRANGEBYSCORE', '0', '1'],
  ['ZREVRANGE', '0', '0'],
  ['ZREVRANGEBYSCORE', '1', '0'],
  ['ZSCORE', 'v'],
  ['DEL'],
  ['UNLINK'],
];

/** Refusals for the user, the password or the URL: a retry does not help. The first words are the only code of an error. */
const REFUSED = /^(NOPERM|NOAUTH|WRONGPASS|ERR (DB index|invalid DB index|AUTH ))/;

/** Whether Redis refused this user or this URL. */
export function isRefused(error: unknown): error is Error {
  return error instanceof Error && REFUSED.test(error.message);
}

/** A refusal as text for a person, naming what is not allowed. `subject`: the key or channel of the command. */
export function refusalText(error: Error, command: string, subject: string): string {
  if (error.message.startsWith('NOPERM')) {
    if (/\bkeys?\b/.test(error.message)) return `the user may not use the key ${subject}`;
    if (/\bchannels?\b/.test(error.message)) return `the user may not use the channel ${subject}`;
    return `the user may not run ${command.toUpperCase()}`;
  }
  if (/DB index/.test(error.message)) return `there is no such database (${error.message})`;
  return `user or password are refused (${error.message})`;
}
