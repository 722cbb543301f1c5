/** What a worker does, over the ports: in a process of its own, or inside the all-in-one. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend } from '#libs/backend/backend.ts';
import type { Broker } from '#libs/broker/broker.ts';
import type { Config } from '#libs/config/config.ts';
import { CleanUpTask, type Jobs, QUEUE_NAMES, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import type { Mailer } from '#libs/mail/mailer.ts';
import type { Notifier } from '#libs/rooms/notices.ts';
import type { RoomLifecycle } from '#libs/rooms/room-lifecycle.ts';
import { roomServices } from '#libs/rooms/room-services.ts';
import type { Store } from '#libs/store/store.ts';
import { Background } from '#libs/telemetry/background.ts';
import type { JobMetrics } from '#libs/telemetry/job-metrics.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { cleanUp } from './clean-up.ts';
import { mailProcessor } from './mail-processor.ts';
import { ExpirySweep, roomExpiry } from './room-expiry.ts';
import { StreamSweep } from './stream-sweep.ts';

/** Milliseconds. */
export interface WorkerPace {
  /** How often overdue rooms are looked for. */
  readonly overdueMs: number;
  /** How often jobs of expiring rooms are put back that were lost. */
  readonly restoreMs: number;
  /** The jobs of rooms that end within this time are: longer than `restoreMs`, or a room between two turns has none. */
  readonly restoreAheadMs: number;
  readonly streamsMs: number;
  /** How long a message is left to the gateway that published it. */
  readonly streamGraceMs: number;
  readonly waitingMs: number;
  readonly upkeepMs: number;
}

const WORKER_PACE: WorkerPace = {
  overdueMs: 5000,
  restoreMs: 60_000,
  restoreAheadMs: 180_000,
  streamsMs: 15_000,
  streamGraceMs: 5000,
  waitingMs: 1000,
  upkeepMs: 3_600_000,
};

export interface WorkerParts {
  /** Given over: `stop` closes them. Nobody else processes them in this process. */
  readonly jobs: Jobs;
  readonly mailer: Mailer;
  readonly store: Pick<Store, 'rooms' | 'messages' | 'conversations' | 'upkeep'>;
  /** As the gateways' one, archive and all: a read may begin a room's epoch. `start` is not needed. */
  readonly broker: Pick<Broker, 'active' | 'kept' | 'emit'>;
  readonly seal: MailSeal;
  /** Called about once a second by one of all workers: pairs those who wait, and gives waiting conversations to agents. */
  readonly waiting: () => Promise<void>;
  /** Ends what nobody ends. */
  readonly lifecycle: Pick<RoomLifecycle, 'close'>;
  readonly notices: Pick<Notifier, 'membership'>;
  /** `HISTORY_DAYS`. */
  readonly historyDays: number;
  readonly metrics: JobMetrics;
  readonly log: Logger;
  readonly background: Background;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly pace?: Partial<WorkerPace>;
}

export interface RunningWorker {
  /** Brings the metrics of the queues up to date. Never rejects. */
  sample(): Promise<void>;
  /** Takes no new job, lets the running ones finish, closes jobs and mailer. */
  stop(): Promise<void>;
}

/** Begins to do the jobs of all queues. Any number of workers may run; each job is done by one of them, and by another one where that one dies. */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const { jobs, mailer, store, broker, seal, waiting, lifecycle, notices, historyDays, metrics, log, background, now } = parts;
  const pace = { ...WORKER_PACE, ...parts.pace };
  const { rooms, messages, conversations, upkeep } = store;
  const expiry = new ExpirySweep({ rooms, jobs, now, aheadMs: pace.restoreAheadMs });
  const streams = new StreamSweep({ broker, rooms, messages, log, background, now, graceMs: pace.streamGraceMs });
  jobs.process('mail', mailProcessor({ mailer, seal, log, now }));
  jobs.process('room-expiry', roomExpiry({ rooms, broker, now }));
  jobs.process('clean-up', cleanUp({ expiry, streams, upkeep, conversations, lifecycle, notices, waiting, historyDays, log, now }));
  jobs.repeat(CleanUpTask.overdue, pace.overdueMs);
  jobs.repeat(CleanUpTask.restore, pace.restoreMs);
  jobs.repeat(CleanUpTask.streams, pace.streamsMs);
  jobs.repeat(CleanUpTask.waiting, pace.waitingMs);
  jobs.repeat(CleanUpTask.upkeep, pace.upkeepMs);
  return {
    async sample() {
      try {
        const counts = await jobs.counts();
        for (const queue of QUEUE_NAMES) metrics.sample(queue, counts[queue]);
      } catch {
        // The queue is away, as other metrics tell: these keep their last values.
      }
    },
    async stop() {
      await jobs.close();
      mailer.close();
    },
  };
}

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
    now,
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
    now,
  });
  return {
    sample: () => worker.sample(),
    async stop() {
      await noticeFeed.stop();
      await worker.stop();
    },
  };
}
