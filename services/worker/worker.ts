/**
 * The worker: over the ports, and composed over the backend of a process, its own or the
 * all-in-one's.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend } from '#libs/backend/backend.ts';
import type { Broker } from '#libs/broker/broker.ts';
import type { Config } from '#libs/config/config.ts';
import { ObservedFeed } from '#libs/events/observed-feed.ts';
import { CleanUpTask, type Jobs, QUEUE_NAMES, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import type { Mailer } from '#libs/mail/mailer.ts';
import type { PresenceEdges } from '#libs/presence/presence-edges.ts';
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
export interface WorkerIntervals {
  /** Between two checks for overdue rooms. */
  readonly overdueMs: number;
  /** Between two restorations of lost jobs of expiring rooms. */
  readonly restoreMs: number;
  /**
   * Jobs are restored for rooms that end within this time. It is longer than `restoreMs`: otherwise
   * a room that ends between two runs would have no job.
   */
  readonly restoreAheadMs: number;
  readonly streamsMs: number;
  /** How long a message is left to the gateway that published it. */
  readonly streamGraceMs: number;
  readonly waitingMs: number;
  readonly upkeepMs: number;
}

const WORKER_INTERVALS: WorkerIntervals = {
  overdueMs: 5000,
  restoreMs: 60_000,
  restoreAheadMs: 180_000,
  streamsMs: 15_000,
  streamGraceMs: 5000,
  waitingMs: 1000,
  upkeepMs: 3_600_000,
};

/** The parts that a worker runs over. */
export interface WorkerParts {
  /** `stop` closes them. Nobody else processes them in this process. */
  readonly jobs: Jobs;
  readonly mailer: Mailer;
  readonly store: Pick<Store, 'rooms' | 'messages' | 'conversations' | 'upkeep'>;
  /**
   * The same as the gateways', with the archive, because a read may begin a room's epoch. `start`
   * is not needed.
   */
  readonly broker: Pick<Broker, 'active' | 'kept' | 'emit'>;
  readonly seal: MailSeal;
  /**
   * Pairs waiting users, and assigns waiting conversations to agents. One of all workers calls it
   * about once a second.
   */
  readonly waiting: () => Promise<void>;
  /** Closes silent conversations. */
  readonly lifecycle: Pick<RoomLifecycle, 'close'>;
  readonly notifier: Pick<Notifier, 'membership'>;
  /** `HISTORY_DAYS`. */
  readonly historyDays: number;
  readonly metrics: JobMetrics;
  readonly log: Logger;
  readonly background: Background;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly intervals?: Partial<WorkerIntervals>;
}

/** A worker that runs. */
export interface RunningWorker {
  /** Updates the metrics of the queues. Never rejects. */
  sample(): Promise<void>;
  /** Takes no new job, waits for the running ones, and closes jobs and mailer. */
  stop(): Promise<void>;
}

/**
 * Starts to do the jobs of all queues. Any number of workers may run. One of them does each job,
 * and another one does it if that one dies.
 */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const { jobs, mailer, store, broker, seal, waiting, lifecycle, notifier, historyDays, metrics, log, background, now } = parts;
  const intervals = { ...WORKER_INTERVALS, ...parts.intervals };
  const { rooms, messages, conversations, upkeep } = store;
  const expiry = new ExpirySweep({ rooms, jobs, now, aheadMs: intervals.restoreAheadMs });
  const streams = new StreamSweep({ broker, rooms, messages, log, background, now, graceMs: intervals.streamGraceMs });
  jobs.process('mail', mailProcessor({ mailer, seal, log, metrics, now }));
  jobs.process('room-expiry', roomExpiry({ rooms, broker, now }));
  jobs.process('clean-up', cleanUp({ expiry, streams, upkeep, conversations, lifecycle, notifier, waiting, historyDays, log, now }));
  jobs.repeat(CleanUpTask.overdue, intervals.overdueMs);
  jobs.repeat(CleanUpTask.restore, intervals.restoreMs);
  jobs.repeat(CleanUpTask.streams, intervals.streamsMs);
  jobs.repeat(CleanUpTask.waiting, intervals.waitingMs);
  jobs.repeat(CleanUpTask.upkeep, intervals.upkeepMs);
  return {
    async sample() {
      try {
        const counts = await jobs.counts();
        for (const queue of QUEUE_NAMES) metrics.sample(queue, counts[queue]);
      } catch {
        // Other metrics show that the queue is away. These keep their last values.
      }
    },
    async stop() {
      await jobs.close();
      mailer.close();
    },
  };
}

/** The parts of `composeWorker`. */
export interface WorkerComposition {
  readonly config: Pick<Config, 'historyDays' | 'nodeId' | 'observedEvents' | 'pairing'>;
  /** The secrets that the API seals queued mail with. */
  readonly secrets: readonly [string, ...string[]];
  /** The caller closes it after the worker has stopped. */
  readonly backend: Backend;
  /** `stop` closes them. The API of the same process may add jobs until then. */
  readonly jobs: Jobs;
  /** `stop` closes it. */
  readonly mailer: Mailer;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Starts a worker over the backend of a process. */
export async function composeWorker({ config, secrets, backend, jobs, mailer, metrics, log }: WorkerComposition): Promise<RunningWorker> {
  const { store, broker, presence, edges } = backend;
  const now = Date.now;
  const { matchmaker, assignment, lifecycle, notifier, noticeFeed } = roomServices({
    store,
    broker,
    presence,
    node: config.nodeId,
    log,
    pairing: config.pairing,
    scheduleExpiry: (room, expiresAt) => scheduleExpiry(jobs, room, expiresAt, now()),
    now,
    wait: (milliseconds) => delay(milliseconds, undefined, { ref: false }),
    failed: (error) => log.warn({ err: error }, 'a signal was lost, or a job was not planned'),
  });
  await noticeFeed.start();
  const observed = config.observedEvents ? observedEvents(edges, config.nodeId, metrics, log) : undefined;
  await observed?.start();
  const worker = await startWorker({
    jobs,
    mailer,
    store,
    broker,
    seal: new MailSeal(...secrets),
    waiting: async () => {
      await Promise.all([matchmaker.sweep(), assignment.sweep()]);
    },
    lifecycle,
    notifier,
    historyDays: config.historyDays,
    metrics: metrics.jobs,
    log,
    background: new Background({ log, failed: (task) => metrics.backgroundFault(task) }),
    now,
  });
  return {
    sample: () => worker.sample(),
    async stop() {
      await observed?.stop();
      await noticeFeed.stop();
      await worker.stop();
    },
  };
}

/** Counts the observed events, and logs each at level debug. One of all workers does. */
function observedEvents(edges: PresenceEdges, node: string, metrics: Metrics, log: Logger): ObservedFeed {
  return new ObservedFeed({
    edges,
    holder: `${node}.${randomBytes(4).toString('hex')}`,
    clock: () => performance.now(),
    log,
    async handle(events) {
      for (const { kind, room, users, at } of events) {
        metrics.observed(kind);
        log.debug({ kind, room, user: users[0], at }, 'observed');
      }
    },
  });
}
