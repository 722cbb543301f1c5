import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Jobs } from './jobs.ts';
import { JobsBullmq } from './jobs-bullmq.ts';

/**
 * What `createBullBoard` of `@bull-board/api` takes as `queues`; none where jobs are kept in memory. To be looked at, not to be changed: what it shows of a mail is sealed,
 * and why a job failed is told without an address.
 */
export function boardAdapters(jobs: Jobs): BullMQAdapter[] {
  return jobs instanceof JobsBullmq ? jobs.queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })) : [];
}
