/** The commands that the hub needs, and what a refusal for lack of a right says. */

/** A command with its arguments, but for the key that comes first. */
export type NeededCommand = readonly [name: string, ...args: string[]];

/**
 * Every command of the scripts and of the queues, written so that it can be tried on a key that holds a string: most answer that it is of another type, and
 * nothing is changed that is not made up for. Redis looks at rights before it looks at types.
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

/** Redis refuses who asks: no retry helps until somebody changes a right, a password or the URL. It tells its errors apart by the first words. */
const REFUSED = /^(NOPERM|NOAUTH|WRONGPASS|ERR (DB index|invalid DB index|AUTH ))/;

/** Whether an answer says that this user, or this URL, is not served. */
export function isRefused(error: unknown): error is Error {
  return error instanceof Error && REFUSED.test(error.message);
}

/** A refusal for a person: what is not allowed, by name. `subject`: the key or channel that the command was about. */
export function refusalText(error: Error, command: string, subject: string): string {
  if (error.message.startsWith('NOPERM')) {
    if (/\bkeys?\b/.test(error.message)) return `the user may not use the key ${subject}`;
    if (/\bchannels?\b/.test(error.message)) return `the user may not use the channel ${subject}`;
    return `the user may not run ${command.toUpperCase()}`;
  }
  if (/DB index/.test(error.message)) return `there is no such database (${error.message})`;
  return `user or password are refused (${error.message})`;
}
