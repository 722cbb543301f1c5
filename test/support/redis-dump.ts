import { type RedisReply, redisCommand } from './redis-command.ts';

/** The command that reads a whole value, by its type. */
const READS: Readonly<Record<string, (key: string) => (string | number)[]>> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, 0, -1],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

/**
 * Returns every key of a Redis with its content as one text, for tests that search it for forbidden
 * data.
 */
export async function dumpRedis(port: number): Promise<string> {
  const lines: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = (await redisCommand(port, ['SCAN', cursor, 'COUNT', 1000])) as [string, string[]];
    cursor = next;
    for (const key of keys) {
      const type = String(await redisCommand(port, ['TYPE', key]));
      const read = READS[type];
      // The key may have expired meanwhile.
      if (read === undefined) continue;
      const value: RedisReply = await redisCommand(port, read(key)).catch(() => null);
      lines.push(`${key} ${JSON.stringify(value)}`);
    }
  } while (cursor !== '0');
  return lines.join('\n');
}
