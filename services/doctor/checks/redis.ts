import { ConfigError } from '#libs/config/config.ts';
import { RedisHealth } from '#libs/redis/redis-health.ts';
import { broken, type Check, holds } from '../check.ts';

const ANSWER_MS = 5000;

/** That Redis answers, is new enough, keeps what is written, and grants this user every right. */
export const redis: Check = {
  name: 'Redis',
  async run({ link }) {
    if (link === undefined) return [];
    const fix = 'Correct it in Redis or in REDIS_URL. Until then every program that uses it is unready.';
    // The reason why it is not reached is that of the health check.
    await link.ready(ANSWER_MS).catch(() => undefined);
    try {
      await new RedisHealth(link).admit();
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map((problem) => broken(problem, fix));
      return [broken(`REDIS_URL: ${error instanceof Error ? error.message : String(error)}.`, fix)];
    }
    return [holds('Redis answers, is new enough, and grants this user every right.')];
  },
};
