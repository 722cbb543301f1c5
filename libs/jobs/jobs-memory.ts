import { randomUUID } from 'node:crypto';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { sendStep, type TracedHandler, tracedHandler } from './job-traces.ts';
import {
  type AddOptions,
  backoff,
  type CleanUpTask,
  checkJobId,
  isPermanent,
  type Job,
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

/** Dependencies and overrides of `JobsMemory`. */
export interface JobsMemoryOptions {
  readonly log: Logger;
  readonly observe?: JobsObserver;
  /** Undefined: traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Override the settings of the queues. */
  readonly settings?: Partial<QueueSettings>;
  /** Milliseconds of a steady clock. Default the system's. */
  readonly steady?: () => number;
  /** Unix milliseconds. Default the system's. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/**
 * The jobs of a process that runs alone. Keeps the same promises as over Redis, except those that
 * must survive the process.
 */
export class JobsMemory implements Jobs {
  readonly #queues: { readonly [Q in QueueName]: MemoryQueue<Q> };
  readonly #repeats: NodeJS.Timeout[] = [];
  readonly #tracer: Tracer | undefined;
  #closed = false;

  constructor(options: JobsMemoryOptions) {
    this.#tracer = options.tracer;
    const queue = <Q extends QueueName>(name: Q): MemoryQueue<Q> =>
      new MemoryQueue(name, {
        settings: { ...QUEUE_SETTINGS[name], ...options.settings },
        steady: options.steady ?? (() => performance.now()),
        now: options.now ?? Date.now,
        random: options.random ?? Math.random,
        ran: (seconds) => options.observe?.ran(name, seconds),
        failed: (job, error, final) => {
          options.log.warn({ queue: name, job: job.id, attempt: job.attempt, reason: reasonOf(error), final, err: error }, 'job failed');
          if (final) options.observe?.failed(name);
        },
        isPermanent,
      });
    this.#queues = { mail: queue('mail'), 'room-expiry': queue('room-expiry'), 'clean-up': queue('clean-up') };
  }

  async add<Q extends QueueName>(queue: Q, payload: QueuePayloads[Q], options: AddOptions = {}): Promise<void> {
    this.#check();
    const step = sendStep(this.#tracer, queue);
    this.#queues[queue].add(options.id ?? randomUUID(), payload, options.delayMs ?? 0, step?.traceparent);
    step?.end();
  }

  async move(queue: QueueName, id: string, delayMs: number): Promise<boolean> {
    this.#check();
    return this.#queues[queue].move(id, delayMs);
  }

  async remove(queue: QueueName, id: string): Promise<boolean> {
    this.#check();
    return this.#queues[queue].remove(id);
  }

  process<Q extends QueueName>(queue: Q, handler: JobHandler<Q>, options: { readonly concurrency?: number } = {}): void {
    this.#queues[queue].process(tracedHandler(this.#tracer, queue, handler), options.concurrency);
  }

  repeat(task: CleanUpTask, everyMs: number): void {
    const add = (): void => this.#queues['clean-up'].add(task, { task }, 0);
    add();
    const timer = setInterval(add, everyMs);
    timer.unref();
    this.#repeats.push(timer);
  }

  async counts(): Promise<Record<QueueName, JobCounts>> {
    const entries = QUEUE_NAMES.map((name) => [name, this.#queues[name].counts()] as const);
    return Object.fromEntries(entries) as Record<QueueName, JobCounts>;
  }

  async list(queue: QueueName, state: JobState, limit: number): Promise<JobView[]> {
    this.#check();
    return this.#queues[queue].list(state, limit);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#repeats) clearInterval(timer);
    await Promise.all(QUEUE_NAMES.map((name) => this.#queues[name].close()));
  }

  #check(): void {
    if (this.#closed) throw new HubError('UNAVAILABLE', 'The jobs are closed.');
  }
}

/** Calls of `add` between two clean-ups of ended jobs. */
const FORGET_EVERY = 256;

/** The longest delay of a timer, in milliseconds. */
const TIMER_MAX = 2 ** 31 - 1;

interface MemoryQueueOptions<Q extends QueueName> {
  readonly settings: QueueSettings;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly ran: (seconds: number) => void;
  readonly failed: (job: Job<Q>, error: unknown, final: boolean) => void;
  readonly isPermanent: (error: unknown) => boolean;
}

type State = JobState | 'done';

interface Entry<Q extends QueueName> {
  readonly id: string;
  readonly payload: QueuePayloads[Q];
  /** The `traceparent` of the request that queued it. */
  readonly trace: string | undefined;
  state: State;
  /** When it may run, in milliseconds of the steady clock. */
  due: number;
  /** When it was due first. Its age counts from here. */
  since: number;
  attempt: number;
  /** When it was added, Unix milliseconds. */
  readonly made: number;
  /** Why its last attempt failed. */
  error: string | undefined;
  /** When it ended. */
  ended: number;
}

/** One queue of `JobsMemory`: entries by id, and one timer for the next due entry. */
class MemoryQueue<Q extends QueueName> {
  readonly name: Q;
  readonly #options: MemoryQueueOptions<Q>;
  /** In the order of adding. */
  readonly #entries = new Map<string, Entry<Q>>();
  readonly #running = new Set<Promise<void>>();
  #handler: TracedHandler<Q> | undefined;
  #concurrency = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #next = Number.POSITIVE_INFINITY;
  #added = 0;
  #closed = false;

  constructor(name: Q, options: MemoryQueueOptions<Q>) {
    this.name = name;
    this.#options = options;
  }

  add(id: string, payload: QueuePayloads[Q], delayMs: number, trace?: string): void {
    checkJobId(id);
    if (++this.#added % FORGET_EVERY === 0) this.#forget();
    const kept = this.#entries.get(id);
    if (kept !== undefined && !this.#isOver(kept)) return;
    this.#entries.delete(id);
    const due = this.#options.steady() + Math.max(0, delayMs);
    const state = delayMs > 0 ? 'delayed' : 'waiting';
    const made = this.#options.now();
    this.#entries.set(id, { id, payload, trace, state, due, since: due, attempt: 1, made, error: undefined, ended: 0 });
    this.#wake(due);
  }

  move(id: string, delayMs: number): boolean {
    const entry = this.#entries.get(id);
    if (entry?.state !== 'delayed') return false;
    entry.due = entry.since = this.#options.steady() + Math.max(0, delayMs);
    this.#wake(entry.due);
    return true;
  }

  remove(id: string): boolean {
    if (this.#entries.get(id)?.state === 'active') return false;
    this.#entries.delete(id);
    return true;
  }

  process(handler: TracedHandler<Q>, concurrency = this.#options.settings.concurrency): void {
    if (this.#handler !== undefined) throw new TypeError(`the queue ${this.name} already has a handler`);
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#wake(this.#options.steady());
  }

  counts(): JobCounts {
    this.#forget();
    this.#promote();
    const counts = { waiting: 0, active: 0, delayed: 0, failed: 0, done: 0 };
    let oldest = Number.POSITIVE_INFINITY;
    for (const { state, since } of this.#entries.values()) {
      counts[state]++;
      if (state === 'waiting') oldest = Math.min(oldest, since);
    }
    const { done, ...rest } = counts;
    return { ...rest, oldestAge: oldest === Number.POSITIVE_INFINITY ? 0 : Math.max(0, this.#options.steady() - oldest) / 1000 };
  }

  list(state: JobState, limit: number): JobView[] {
    this.#forget();
    this.#promote();
    const { steady, now, settings } = this.#options;
    const found = [...this.#entries.values()].filter((entry) => entry.state === state);
    const sorted = state === 'failed' ? found.toReversed() : found.toSorted((a, b) => a.due - b.due);
    return sorted.slice(0, limit).map(({ id, payload, due, attempt, made, error }) => ({
      id,
      name: jobName(this.name, payload),
      attempts: state === 'active' || state === 'failed' ? attempt : attempt - 1,
      attemptsMax: settings.attempts,
      madeAt: made,
      dueAt: state === 'waiting' || state === 'delayed' ? Math.round(now() + due - steady()) : undefined,
      error,
    }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
  }

  /**
   * Makes `#start` run at `due` or before, and never synchronously: `add` must not run a handler.
   */
  #wake(due: number): void {
    if (this.#closed || this.#handler === undefined || due >= this.#next) return;
    clearTimeout(this.#timer);
    this.#next = due;
    this.#timer = setTimeout(() => this.#start(), Math.min(TIMER_MAX, Math.max(0, due - this.#options.steady())));
    this.#timer.unref();
  }

  #start(): void {
    const handler = this.#handler;
    this.#next = Number.POSITIVE_INFINITY;
    if (this.#closed || handler === undefined) return;
    this.#promote();
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (this.#running.size >= this.#concurrency) return;
      if (entry.state === 'delayed') next = Math.min(next, entry.due);
      if (entry.state !== 'waiting') continue;
      entry.state = 'active';
      const run: Promise<void> = this.#run(entry, handler).finally(() => {
        this.#running.delete(run);
        this.#wake(this.#options.steady());
      });
      this.#running.add(run);
    }
    this.#wake(next);
  }

  #promote(): void {
    const now = this.#options.steady();
    for (const entry of this.#entries.values()) if (entry.state === 'delayed' && entry.due <= now) entry.state = 'waiting';
  }

  async #run(entry: Entry<Q>, handler: TracedHandler<Q>): Promise<void> {
    const { settings, steady } = this.#options;
    const job: Job<Q> = { id: entry.id, payload: entry.payload, attempt: entry.attempt };
    const started = performance.now();
    let failed: { readonly error: unknown } | undefined;
    let rerunInMs: number | undefined;
    try {
      rerunInMs = (await handler(job, entry.trace))?.rerunInMs;
    } catch (error) {
      failed = { error };
    }
    this.#options.ran((performance.now() - started) / 1000);
    if (failed === undefined) {
      if (rerunInMs === undefined) this.#end(entry, 'done', settings.keepDoneSeconds);
      else {
        entry.attempt = 1;
        entry.state = 'delayed';
        entry.due = entry.since = steady() + rerunInMs;
      }
      return;
    }
    const final = entry.attempt >= settings.attempts || this.#options.isPermanent(failed.error);
    this.#options.failed(job, failed.error, final);
    entry.error = reasonOf(failed.error).split('\n', 1)[0];
    if (final) {
      this.#end(entry, 'failed', settings.keepFailedSeconds);
    } else {
      entry.due = steady() + backoff(settings, entry.attempt, this.#options.random());
      entry.attempt++;
      entry.state = 'delayed';
    }
  }

  #end(entry: Entry<Q>, state: 'done' | 'failed', keepSeconds: number): void {
    entry.state = state;
    entry.ended = this.#options.steady();
    // Ended entries are kept in the order of their ends.
    this.#entries.delete(entry.id);
    if (keepSeconds > 0) this.#entries.set(entry.id, entry);
  }

  /** Whether the entry was kept long enough. */
  #isOver({ state, ended }: Entry<Q>): boolean {
    const { settings, steady } = this.#options;
    if (state === 'done') return ended < steady() - settings.keepDoneSeconds * 1000;
    return state === 'failed' && ended < steady() - settings.keepFailedSeconds * 1000;
  }

  #forget(): void {
    for (const state of ['done', 'failed'] as const) {
      const ended = [...this.#entries.values()].filter((entry) => entry.state === state);
      ended.forEach((entry, index) => {
        if (ended.length - index > KEPT_MAX || this.#isOver(entry)) this.#entries.delete(entry.id);
      });
    }
  }
}
