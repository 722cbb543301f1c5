/** The worker over the backend of a process: of one of its own, or of the all-in-one. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend } from '#libs/backend/backend.ts';
import type { Config } from '#libs/config/config.ts';
import { scheduleExpiry } from '#libs/jobs/expiry-schedule.ts';
import type { Jobs } from '#libs/jobs/jobs.ts';
import { MailSeal } from '#libs/mail/mail-seal.ts';
import type { Mailer } from '#libs/mail/mailer.ts';
import { roomServices } from '#libs/rooms/room-services.ts';
import { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { type RunningWorker, startWorker } from './worker.ts';

export interface WorkerComposition {
  readonly config: Pick<Config, 'historyDays' | 'nodeId'>;
  /** What the API seals queued mail with. */
  readonly secret: string;
  /** Stays the caller's, to be closed after the worker has stopped. */
  readonly backend: Backend;
  /** Given over: closed when the worker stops. The API of the same process may add to them until then. */
  readonly jobs: Jobs;
  /** Given over. */
  readonly mailer: Mailer;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export async function composeWorker({ config, secret, backend, jobs, mailer, metrics, log }: WorkerComposition): Promise<RunningWorker> {
  const { store, broker, presence } = backend;
  const now = Date.now;
  const { matchmaker, assignment, lifecycle, notices, noticeFeed } = roomServices({
    store,
    broker,
    presence,
    node: config.nodeId,
    log,
    scheduleExpiry: (room, expiresAt) => scheduleExpiry(jobs, room, expiresAt, now()),
    now: now,
    wait: (milliseconds) => delay(milliseconds, undefined, { ref: false }),
    failed: (error) => log.warn({ err: error }, 'a notice or a plan was lost'),
  });
  await noticeFeed.start();
  const worker = await startWorker({
    jobs,
    mailer,
    store,
    broker,
    seal: new MailSeal(secret),
    waiting: async () => {
      await Promise.all([matchmaker.sweep(), assignment.sweep()]);
    },
    lifecycle,
    notices,
    historyDays: config.historyDays,
    metrics: metrics.jobs,
    log,
    background: new Background({ log, failed: (task) => metrics.backgroundFault(task) }),
    now: now,
  });
  return {
    sample: () => worker.sample(),
    async stop() {
      await noticeFeed.stop();
      await worker.stop();
    },
  };
}
