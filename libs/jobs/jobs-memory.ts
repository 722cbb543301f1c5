import { randomUUID } from 'node:crypto';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import {
  type AddOptions,
  type CleanUpTask,
  isPermanent,
  type JobCounts,
  type JobHandler,
  type Jobs,
  type JobsObserver,
  QUEUE_NAMES,
  type QueueName,
  type QueuePayloads,
  reasonOf,
} from './jobs.ts';
import { MemoryQueue } from './memory-queue.ts';
import { QUEUE_SETTINGS, type QueueSettings } from './queue-settings.ts';

export interface JobsMemoryOptions {
  readonly log: Logger;
  readonly observe?: JobsObserver;
  /** In place of the queues' own. */
  readonly settings?: Partial<QueueSettings>;
  /** Milliseconds of a steady clock. Default the system's. */
  readonly steady?: () => number;
  readonly random?: () => number;
}

/** The jobs of a process that stands alone: the same promises as over Redis, but for those that need the process to outlive itself. */
export class JobsMemory implements Jobs {
  readonly #queues: { readonly [Q in QueueName]: MemoryQueue<Q> };
  readonly #repeats: NodeJS.Timeout[] = [];
  #closed = false;

  constructor(options: JobsMemoryOptions) {
    const queue = <Q extends QueueName>(name: Q): MemoryQueue<Q> =>
      new MemoryQueue(name, {
        settings: { ...QUEUE_SETTINGS[name], ...options.settings },
        steady: options.steady ?? (() => performance.now()),
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
    this.#queues[queue].add(options.id ?? randomUUID(), payload, options.delayMs ?? 0);
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
    this.#queues[queue].process(handler, options.concurrency);
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

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#repeats) clearInterval(timer);
    await Promise.all(QUEUE_NAMES.map((name) => this.#queues[name].close()));
  }

  #check(): void {
    if (this.#closed) throw new HubError('UNAVAILABLE', 'The jobs are closed.');
  }
}
