/** Moves queued jobs: from the keys of an earlier version, or from another Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { RedisTarget } from '#libs/config/redis-url.ts';
import { connectQueueClient } from '#libs/redis/redis-clients.ts';
import { QUEUE_NAMES } from './jobs.ts';

/** Milliseconds that Redis has for its first answer. */
const ANSWER_MS = 10_000;
/** Jobs of one read. */
const PAGE = 500;

/** The queues of one version in one Redis. */
export interface QueuesPlace {
  readonly target: RedisTarget;
  /** How all keys of the queues begin. */
  readonly prefix: string;
}

/** The data of a job, as `JobsBullmq` stores it. */
interface StoredJob {
  /** When it is due, in Unix milliseconds. */
  readonly due: number;
}

/** The prefix of the queues of versions before 0.2.0, by `REDIS_PREFIX`. */
export function prefixBefore020(prefix: string): string {
  return `{${prefix}:jobs}`;
}

/**
 * Moves all jobs that wait, are delayed, or whose worker died. Each keeps its id and its due time,
 * and begins its attempts anew; done and failed jobs are dropped. Resolves with the number of moved
 * jobs. No worker of `from` may run.
 *
 * An interrupted call can be repeated: no job is lost, and none is queued twice. Rejects if a Redis
 * does not answer.
 */
export async function moveJobs(from: QueuesPlace, to: QueuesPlace): Promise<number> {
  const clients: QueueClient[] = [];
  try {
    for (const { target } of [from, to]) clients.push(await connected(target));
    const [source, target] = clients;
    if (source === undefined || target === undefined) throw new TypeError('two places have two clients');
    let moved = 0;
    for (const name of QUEUE_NAMES) {
      moved += await moveQueue(
        new Queue<StoredJob>(name, { connection: source, skipVersionCheck: true, prefix: from.prefix }),
        new Queue<StoredJob>(name, { connection: target, skipVersionCheck: true, prefix: to.prefix }),
      );
    }
    return moved;
  } finally {
    for (const client of clients) client.disconnect();
  }
}

type QueueClient = ReturnType<typeof connectQueueClient>;

/** Resolves once Redis answers. */
async function connected(target: RedisTarget): Promise<QueueClient> {
  const client = connectQueueClient(target, 'works', ANSWER_MS);
  let failure: Error | undefined;
  client.on('error', (error: Error) => {
    failure = error;
  });
  const late = delay(ANSWER_MS, undefined, { ref: false }).then(() => {
    client.disconnect();
    throw new Error(`Redis does not answer${failure === undefined ? '' : `: ${failure.message}`}`);
  });
  await Promise.race([client.ping(), late]);
  return client;
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
