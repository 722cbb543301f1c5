import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Jobs } from './jobs.ts';
import { JobsBullmq } from './jobs-bullmq.ts';

/**
 * The `queues` of `createBullBoard` in `@bull-board/api`. Empty if the jobs are in memory.
 * Read-only: mails are sealed, and reasons of failures contain no address.
 */
export function boardAdapters(jobs: Jobs): BullMQAdapter[] {
  return jobs instanceof JobsBullmq ? jobs.queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })) : [];
}
