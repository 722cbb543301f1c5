/**
 * `npm run migrate`: brings the database of `DATABASE_URL` up to this version's schema, and moves
 * jobs that versions before 0.2.0 queued in `REDIS_URL`. Several may run at once.
 */
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import { parseRedisUrl } from '#libs/config/redis-url.ts';
import { moveJobs } from '#libs/jobs/move-jobs.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import { migrate } from '#libs/store/migrate.ts';

const print = (line: string): boolean => process.stdout.write(`parley: ${line}\n`);

try {
  const { databaseUrl, redisUrl, redisPrefix } = loadConfig('migrate');
  if (databaseUrl === undefined) throw new ConfigError(['DATABASE_URL is not set.']);
  const ran = await migrate(databaseUrl, { log: print, waiting: print });
  print(ran.length === 0 ? 'the database is up to date.' : `the database is up to date: ${ran.length} migrations done.`);
  if (redisUrl !== undefined) {
    const target = parseRedisUrl(redisUrl);
    const keys = new RedisKeys(redisPrefix, target.mode === 'cluster');
    const moved = await moveJobs({ target, prefix: redisPrefix, to: keys.jobs() });
    if (moved > 0) print(`${moved} queued jobs of an earlier version were moved.`);
  }
} catch (error) {
  const lines = error instanceof ConfigError ? error.problems : [`not migrated: ${reason(error)}`];
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

/** If a name has several addresses, only the inner errors have the reasons of the refusals. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join('; ');
  return error instanceof Error ? error.message : String(error);
}
