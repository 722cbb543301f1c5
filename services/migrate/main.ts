/**
 * `npm run migrate`: brings the database of `DATABASE_URL` up to this version's schema, and moves
 * jobs that versions before 0.2.0 queued in `REDIS_URL`. Several may run at once.
 *
 * With `PREVIOUS_REDIS_URL` it also moves the jobs of that Redis to `REDIS_URL`, and ends the epochs
 * that are there from an earlier time. No program may run.
 *
 * `npm run migrate -- restored`, after a backup of PostgreSQL was restored: also ends the epoch of
 * every room, and raises the offsets above all that were ever given (M3). No program may run.
 */
import { endEpochs } from '#libs/broker/restored.ts';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import { parseRedisUrl } from '#libs/config/redis-url.ts';
import { moveJobs, prefixBefore020, type QueuesPlace } from '#libs/jobs/move-jobs.ts';
import { RedisKeys } from '#libs/redis/keys.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { migrate } from '#libs/store/migrate.ts';
import { raiseOffsets, refuseWhileProgramsRun } from '#libs/store/restored.ts';
import { createLogger } from '#libs/telemetry/logger.ts';

const RESTORED = 'restored';
/** Milliseconds that Redis has for its first answer. */
const ANSWER_MS = 10_000;
const USAGE = 64;

const print = (line: string): boolean => process.stdout.write(`parley: ${line}\n`);

const args = process.argv.slice(2);
if (args.some((arg) => arg !== RESTORED)) {
  process.stderr.write(`parley: migrate takes ${RESTORED} or nothing, not ${args.join(' ')}\n`);
  process.exit(USAGE);
}

try {
  const { databaseUrl, redisUrl, previousRedisUrl, redisPrefix } = loadConfig('migrate');
  if (databaseUrl === undefined) throw new ConfigError(['DATABASE_URL is not set.']);
  const ran = await migrate(databaseUrl, { log: print, waiting: print });
  print(ran.length === 0 ? 'the database is up to date.' : `the database is up to date: ${ran.length} migrations done.`);
  if (redisUrl !== undefined) {
    const to = queuesOf(redisUrl, redisPrefix);
    const moved = await moveFromBefore020(to, redisPrefix);
    if (moved > 0) print(`${moved} queued jobs of an earlier version were moved.`);
    if (previousRedisUrl !== undefined) {
      await refuseWhileProgramsRun(databaseUrl);
      // The hub may have used this Redis earlier: its positions are old.
      await endRoomEpochs(redisUrl, redisPrefix);
      print(`${await moveJobs(queuesOf(previousRedisUrl, redisPrefix), to)} queued jobs of the Redis before were moved.`);
    }
  }
  if (args.includes(RESTORED)) {
    await refuseWhileProgramsRun(databaseUrl);
    await raiseOffsets(databaseUrl);
    const ended = redisUrl === undefined ? 0 : await endRoomEpochs(redisUrl, redisPrefix);
    print(`all rooms go on above every offset that was given. ${ended} rooms of Redis begin a new epoch.`);
  }
} catch (error) {
  const lines = error instanceof ConfigError ? error.problems : [`not migrated: ${reason(error)}`];
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

function queuesOf(url: string, prefix: string): QueuesPlace {
  const target = parseRedisUrl(url);
  return { target, prefix: new RedisKeys(prefix, target.mode === 'cluster').jobs() };
}

async function moveFromBefore020(to: QueuesPlace, prefix: string): Promise<number> {
  try {
    return await moveJobs({ target: to.target, prefix: prefixBefore020(prefix) }, to);
  } catch (error) {
    // If the user has no permission for the old keys, the earlier version did not run with these
    // permissions, and there are none.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return 0;
    throw error;
  }
}

async function endRoomEpochs(url: string, prefix: string): Promise<number> {
  const link = RedisLink.open(url, { prefix, log: createLogger({ node: 'migrate', level: 'silent' }) });
  try {
    await link.ready(ANSWER_MS);
    return await endEpochs(link);
  } finally {
    await link.close();
  }
}

/** If a name has several addresses, only the inner errors have the reasons of the refusals. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join('; ');
  return error instanceof Error ? error.message : String(error);
}
