import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Job as BullJob, DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import { HubError } from '#libs/protocol/errors.ts';
import { connectQueueClient } from '#libs/redis/redis-clients.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { endWith, type Tracer } from '#libs/telemetry/tracer.ts';
import { sendStep, type TracedHandler, tracedHandler } from './job-traces.ts';
import {
  type AddOptions,
  backoff,
  type CleanUpTask,
  checkJobId,
  isPermanent,
  type JobCounts,
  type JobHandler,
  type JobState,
  type Jobs,
  type JobsObserver,
  type JobView,
  jobName,
  KEPT_MAX,
  QUEUE_NAMES,
  QUEUE_SETTINGS,
  type QueueName,
  type QueuePayloads,
  type QueueSettings,
  reasonOf,
} from './jobs.ts';

/** Dependencies and overrides of `JobsBullmq`. */
export interface JobsBullmqOptions {
  readonly log: Logger;
  readonly observe?: JobsObserver;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Override the settings of the queues. */
  readonly settings?: Partial<QueueSettings>;
  /** Milliseconds of silence after which another worker may take a worker's job. Default 10,000. */
  readonly lockMs?: number;
  /** Milliseconds between two checks for such jobs. Default 3,000. */
  readonly stalledEveryMs?: number;
  /**
   * Milliseconds that `close` waits for running jobs. Default 15,000. A job that takes longer is
   * left to another worker.
   */
  readonly closeMs?: number;
}

/** A job as it is stored in Redis. */
interface StoredJob {
  readonly payload: unknown;
  /** When it is due, in Unix milliseconds. Its age counts from here. */
  readonly due: number;
  /** The `traceparent` of the request that queued it, if that is traced. */
  readonly trace?: string | undefined;
}

/** Milliseconds that a call keeps trying, and milliseconds between two tries. */
const RETRY_FOR_MS = 5000;
const RETRY_MS = 200;

/** Milliseconds that a worker pauses after an error. */
const PAUSE_MS = 1000;

/** Workers that may die during a job before the job counts as their killer. */
const STALLED_MAX = 10;

/** BullMQ's error codes of `changeDelay`: no such job, job not delayed. */
const NOT_DELAYED = new Set<unknown>([-1, -3]);

/**
 * The part of an interval in which a repetition is dropped as a duplicate. Below 1, because the
 * timers of several processes drift.
 */
const REPEAT_SHARE = 0.9;

/**
 * The jobs on Redis through BullMQ: one server, Sentinel or a Cluster. Works again once Redis is
 * back.
 */
export class JobsBullmq implements Jobs {
  readonly #link: RedisLink;
  readonly #options: JobsBullmqOptions;
  readonly #adder: ReturnType<typeof connectQueueClient>;
  readonly #queues: Readonly<Record<QueueName, Queue>>;
  readonly #workers = new Map<QueueName, Worker>();
  readonly #repeats: NodeJS.Timeout[] = [];
  /** Made by the first `process`. */
  #worker: ReturnType<typeof connectQueueClient> | undefined;
  #closed = false;

  /**
   * @param link Knows where Redis is and how keys are named. The caller keeps and closes it; the
   * jobs use connections of their own.
   */
  constructor(link: RedisLink, options: JobsBullmqOptions) {
    this.#link = link;
    this.#options = options;
    this.#adder = connectQueueClient(link.target, 'adds', link.commandTimeoutMs);
    this.#adder.on('error', () => undefined);
    const queue = (name: QueueName): Queue => {
      const made = new Queue(name, {
        connection: this.#adder,
        prefix: link.keys.jobs(),
        skipVersionCheck: true,
        // Nobody reads the events.
        streams: { events: { maxLen: 100 } },
      });
      made.on('error', (error) => this.#onError(error));
      return made;
    };
    this.#queues = { mail: queue('mail'), 'room-expiry': queue('room-expiry'), 'clean-up': queue('clean-up') };
  }

  /** BullMQ's queues, for `queue-board.ts`. */
  get queues(): readonly Queue[] {
    return QUEUE_NAMES.map((name) => this.#queues[name]);
  }

  async add<Q extends QueueName>(queue: Q, payload: QueuePayloads[Q], options: AddOptions = {}): Promise<void> {
    const { id = randomUUID(), delayMs = 0 } = options;
    const step = sendStep(this.#options.tracer, queue);
    const kept: StoredJob = { payload, due: Date.now() + delayMs, trace: step?.traceparent };
    await endWith(
      step,
      this.#retrying(() => this.#add(queue, id, kept, delayMs)),
    );
  }

  async move(queue: QueueName, id: string, delayMs: number): Promise<boolean> {
    const moved = await this.#retrying(async () => {
      const job: BullJob<StoredJob> | undefined = await this.#queues[queue].getJob(toJobId(id));
      if (job === undefined) return false;
      try {
        await job.changeDelay(Math.max(0, delayMs));
      } catch (error) {
        if (error instanceof Error && 'code' in error && NOT_DELAYED.has(error.code)) return false;
        throw error;
      }
      return job;
    });
    if (moved === false) return false;
    await moved.updateData({ ...moved.data, due: Date.now() + delayMs }).catch(() => undefined);
    return true;
  }

  async remove(queue: QueueName, id: string): Promise<boolean> {
    const jobId = toJobId(id);
    return this.#retrying(async () => (await this.#queues[queue].remove(jobId)) !== 0);
  }

  process<Q extends QueueName>(queue: Q, handler: JobHandler<Q>, options: { readonly concurrency?: number } = {}): void {
    if (this.#workers.has(queue)) throw new TypeError(`the queue ${queue} already has a handler`);
    const { log, observe, lockMs = 10_000, stalledEveryMs = 3000 } = this.#options;
    const settings = this.#settings(queue);
    if (this.#worker === undefined) {
      this.#worker = connectQueueClient(this.#link.target, 'works', this.#link.commandTimeoutMs);
      this.#worker.on('error', () => undefined);
    }
    const traced = tracedHandler(this.#options.tracer, queue, handler);
    const worker = new Worker<StoredJob>(queue, (job, token) => this.#run(queue, traced, job, token ?? ''), {
      connection: this.#worker,
      prefix: this.#link.keys.jobs(),
      // The link checks the server itself.
      skipVersionCheck: true,
      concurrency: options.concurrency ?? settings.concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledEveryMs,
      maxStalledCount: STALLED_MAX,
      runRetryDelay: 1000,
      settings: { backoffStrategy: (failed) => backoff(settings, failed, Math.random()) },
      removeOnComplete: keep(settings.keepDoneSeconds),
      removeOnFail: keep(settings.keepFailedSeconds),
    });
    worker.on('error', (error) => {
      this.#onError(error);
      this.#pauseAfterError(worker);
    });
    worker.on('stalled', (id) => {
      log.warn({ queue, job: fromJobId(id) }, 'the worker of a job died: the job is done again');
      observe?.stalled(queue);
    });
    worker.on('failed', (job) => {
      // Undefined if the job's workers died too often and it is not kept.
      if (job === undefined || job.finishedOn !== undefined) observe?.failed(queue);
    });
    this.#workers.set(queue, worker);
  }

  repeat(task: CleanUpTask, everyMs: number): void {
    const deduplication = { id: task, ttl: Math.max(1, Math.floor(everyMs * REPEAT_SHARE)) };
    const add = (): void => {
      // Redis is away, and the link logs it. The next repetition comes soon.
      this.#add('clean-up', task, { payload: { task }, due: Date.now() }, 0, { deduplication }).catch(() => undefined);
    };
    add();
    const timer = setInterval(add, everyMs);
    timer.unref();
    this.#repeats.push(timer);
  }

  async counts(): Promise<Record<QueueName, JobCounts>> {
    const entries = await Promise.all(QUEUE_NAMES.map(async (name) => [name, await this.#retrying(() => this.#count(name))] as const));
    return Object.fromEntries(entries) as Record<QueueName, JobCounts>;
  }

  list(queue: QueueName, state: JobState, limit: number): Promise<JobView[]> {
    return this.#retrying(async () => {
      // Failed jobs are ordered by the time of their end, the others by when they run.
      const jobs: (BullJob<StoredJob> | undefined)[] = await this.#queues[queue].getJobs([STATES[state]], 0, limit - 1, state !== 'failed');
      const due = state === 'delayed' ? await this.#dueTimes(this.#queues[queue], limit) : undefined;
      // A job may be done while it is read.
      return jobs.flatMap((job) => (job?.id === undefined ? [] : [viewOf(job, state, due?.get(job.id))]));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#repeats) clearInterval(timer);
    const workers = [...this.#workers.values()];
    const closed = Promise.all(workers.map((worker) => worker.close())).then(() => undefined);
    await Promise.race([closed, delay(this.#options.closeMs ?? 15_000, undefined, { ref: false })]);
    await Promise.all(Object.values(this.#queues).map((queue) => queue.close().catch(() => undefined)));
    this.#worker?.disconnect();
    this.#adder.disconnect();
  }

  async #add(queue: QueueName, id: string, kept: StoredJob, delayMs: number, more: object = {}): Promise<void> {
    const { attempts } = this.#settings(queue);
    const options = { jobId: toJobId(id), delay: Math.max(0, delayMs), attempts, backoff: { type: 'ours' }, stackTraceLimit: 1, ...more };
    await this.#queues[queue].add(queue, kept, options);
  }

  async #run<Q extends QueueName>(queue: Q, handler: TracedHandler<Q>, bull: BullJob<StoredJob>, token: string): Promise<void> {
    const job = { id: fromJobId(bull.id ?? ''), payload: bull.data.payload as QueuePayloads[Q], attempt: bull.attemptsMade + 1 };
    const started = performance.now();
    const ran = (): void => this.#options.observe?.ran(queue, (performance.now() - started) / 1000);
    let rerunInMs: number | undefined;
    try {
      rerunInMs = (await handler(job, bull.data.trace))?.rerunInMs;
      ran();
    } catch (error) {
      ran();
      const final = isPermanent(error) || job.attempt >= this.#settings(queue).attempts;
      const reason = reasonOf(error);
      this.#options.log.warn({ queue, job: job.id, attempt: job.attempt, reason, final, err: error }, 'job failed');
      // The text of the error may contain things that must not be stored in Redis.
      throw withoutStack(final ? new UnrecoverableError(reason) : new Error(reason));
    }
    if (rerunInMs === undefined) return;
    const due = Date.now() + rerunInMs;
    await bull.updateData({ ...bull.data, due });
    await bull.moveToDelayed(due, token);
    throw new DelayedError();
  }

  async #count(name: QueueName): Promise<JobCounts> {
    const queue = this.#queues[name];
    const [counts, [oldest]] = await Promise.all([
      queue.getJobCounts('wait', 'active', 'delayed', 'failed'),
      queue.getJobs(['wait'], 0, 0, true) as Promise<(BullJob<StoredJob> | undefined)[]>,
    ]);
    const { wait = 0, active = 0, delayed = 0, failed = 0 } = counts;
    return {
      waiting: wait,
      active,
      delayed,
      failed,
      oldestAge: oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.data.due) / 1000,
    };
  }

  /** When the first `limit` delayed jobs run: BullMQ tells it of a retry only here. */
  async #dueTimes(queue: Queue, limit: number): Promise<ReadonlyMap<string, number>> {
    const key = queue.toKey('delayed');
    const reply = await this.#link.command(key, 'ZRANGE', key, 0, limit - 1, 'WITHSCORES');
    const parts = Array.isArray(reply) ? reply.map(String) : [];
    const due = new Map<string, number>();
    for (let at = 0; at < parts.length; at += 2) due.set(parts[at] ?? '', Math.floor(Number(parts[at + 1]) / DELAYED_SCALE));
    return due;
  }

  #settings(queue: QueueName): QueueSettings {
    return { ...QUEUE_SETTINGS[queue], ...this.#options.settings };
  }

  /** Retries for a few seconds. All work here can be repeated. */
  async #retrying<T>(work: () => Promise<T>): Promise<T> {
    const end = performance.now() + RETRY_FOR_MS;
    for (;;) {
      if (this.#closed) throw new HubError('UNAVAILABLE', 'The jobs are closed.');
      try {
        return await withTimeout(work(), end - performance.now());
      } catch (error) {
        if (error instanceof TypeError) throw error;
        if (performance.now() + RETRY_MS >= end) throw new HubError('UNAVAILABLE', 'The job queue cannot be reached.', { cause: error });
      }
      await delay(RETRY_MS);
    }
  }

  /**
   * BullMQ retries at once after an error reply (no permission, no memory), so the worker pauses
   * after one.
   */
  #pauseAfterError(worker: Worker): void {
    if (this.#closed || worker.isPaused()) return;
    worker.pause(true).catch((error: unknown) => this.#onError(error));
    setTimeout(() => {
      if (!this.#closed) worker.resume().catch((error: unknown) => this.#onError(error));
    }, PAUSE_MS).unref();
  }

  #onError(error: unknown): void {
    if (!this.#closed) this.#options.log.warn({ err: error }, 'the connection to the job queue failed');
  }
}

/** BullMQ's names of the states. */
const STATES = { waiting: 'wait', active: 'active', delayed: 'delayed', failed: 'failed' } as const satisfies Record<JobState, string>;

/** BullMQ's scores of delayed jobs: milliseconds times this, and a number that keeps their order. */
const DELAYED_SCALE = 0x1000;

function viewOf(
  { id = '', queueName, data, attemptsMade, opts, timestamp, failedReason }: BullJob<StoredJob>,
  state: JobState,
  due = data.due,
): JobView {
  return {
    id: fromJobId(id),
    name: jobName(queueName, data.payload),
    attempts: attemptsMade + (state === 'active' ? 1 : 0),
    attemptsMax: opts.attempts ?? 1,
    madeAt: timestamp,
    dueAt: state === 'waiting' || state === 'delayed' ? due : undefined,
    error: failedReason?.split('\n', 1)[0],
  };
}

/** BullMQ accepts no colons and no bare numbers in an id. */
function toJobId(id: string): string {
  checkJobId(id);
  return `id-${encodeURIComponent(id)}`;
}

function fromJobId(id: string): string {
  return id.startsWith('id-') ? decodeURIComponent(id.slice(3)) : id;
}

function keep(seconds: number): { readonly age: number; readonly count: number } | { readonly count: 0 } {
  return seconds === 0 ? { count: 0 } : { age: seconds, count: KEPT_MAX };
}

/** Drops the stack, which BullMQ would store. */
function withoutStack<E extends Error>(error: E): E {
  error.stack = error.message;
  return error;
}

async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(Math.max(0, ms), undefined, { signal: over.signal }).then(() => {
        throw new Error('no answer in time');
      }),
    ]);
  } finally {
    over.abort();
    promise.catch(() => undefined);
  }
}
