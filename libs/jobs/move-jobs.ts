/** Moves jobs that an earlier version queued under other keys. */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { RedisTarget } from '#libs/config/redis-url.ts';
import { connectQueueClient } from '#libs/redis/redis-clients.ts';
import { QUEUE_NAMES } from './jobs.ts';

/** Milliseconds that Redis has for its first answer. */
const ANSWER_MS = 10_000;
/** Jobs of one read. */
const PAGE = 500;

/** Where the jobs are, and where they go. */
export interface MoveJobsOptions {
  readonly target: RedisTarget;
  /** `REDIS_PREFIX` of the earlier version. */
  readonly prefix: string;
  /** The present prefix of the queues' keys. */
  readonly to: string;
}

/** The data of a job, as `JobsBullmq` stores it. */
interface StoredJob {
  /** When it is due, in Unix milliseconds. */
  readonly due: number;
}

/**
 * Moves the jobs that versions before 0.2.0 queued under keys beginning `{<prefix>:jobs}`. Each job
 * keeps its id and its due time; done and failed jobs are dropped. Resolves with the number of
 * moved jobs. No worker of such a version may run.
 *
 * An interrupted call can be repeated: no job is lost, and none is queued twice. Rejects if Redis
 * does not answer.
 */
export async function moveJobs({ target, prefix, to }: MoveJobsOptions): Promise<number> {
  const client = connectQueueClient(target, 'works', ANSWER_MS);
  let failure: Error | undefined;
  client.on('error', (error: Error) => {
    failure = error;
  });
  try {
    const late = delay(ANSWER_MS, undefined, { ref: false }).then(() => {
      throw new Error(`Redis does not answer${failure === undefined ? '' : `: ${failure.message}`}`);
    });
    await Promise.race([client.ping(), late]);
    let moved = 0;
    for (const name of QUEUE_NAMES) {
      const options = { connection: client, skipVersionCheck: true };
      moved += await moveQueue(
        new Queue<StoredJob>(name, { ...options, prefix: `{${prefix}:jobs}` }),
        new Queue<StoredJob>(name, { ...options, prefix: to }),
      );
    }
    return moved;
  } catch (error) {
    // If the user has no permission for the old keys, the earlier version did not run with these
    // permissions, and there are none.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return 0;
    throw error;
  } finally {
    client.disconnect();
  }
}

async function moveQueue(from: Queue<StoredJob>, to: Queue<StoredJob>): Promise<number> {
  let moved = 0;
  for (let start = 0; ; start += PAGE) {
    const jobs = await from.getJobs(['wait', 'delayed', 'prioritized', 'active'], start, start + PAGE - 1);
    if (jobs.length === 0) break;
    // A job whose id exists is not added again.
    await to.addBulk(
      jobs.map(({ id, name, data, opts }) => ({
        name,
        data,
        opts: { ...opts, ...(id === undefined ? {} : { jobId: id }), delay: Math.max(0, data.due - Date.now()) },
      })),
    );
    moved += jobs.length;
  }
  await from.obliterate({ force: true });
  return moved;
}
