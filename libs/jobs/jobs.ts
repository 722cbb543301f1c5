import { HubError } from '#libs/protocol/errors.ts';

/** Why a job failed, in words that may be kept and shown: no address, no code, no text of a message. */
export class JobError extends Error {
  override readonly name = 'JobError';
  /** Trying again cannot succeed. */
  readonly permanent: boolean;

  constructor(message: string, options: { readonly permanent: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.permanent = options.permanent;
  }
}

export function isPermanent(error: unknown): boolean {
  return error instanceof JobError && error.permanent;
}

/** What of an error may be kept with the job. */
export function reasonOf(error: unknown): string {
  if (error instanceof JobError) return error.message;
  if (error instanceof HubError) return error.code;
  if (!(error instanceof Error)) return 'failed';
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
}
/**
 * The port to what may be done later, and must be done even when a worker dies.
 *
 * Every job is done at least once: a worker that is killed in the middle leaves it to another, so a handler must stand being run again. What is queued may be
 * lost with its backend; whoever queues what must not be lost keeps the truth in the store and puts it back from there.
 */

/** What runs now and then. */
export const CleanUpTask = {
  /** Closes rooms whose time is over. */
  overdue: 'overdue',
  /** Puts back what should wait for expiring rooms and does not. */
  restore: 'restore',
  /** Stores what is in a room's stream and not in the store (M1). */
  streams: 'streams',
  /** Gives those who wait a pair or an agent, where there is one now (A9, A10). */
  waiting: 'waiting',
  /** Drops what is old. */
  upkeep: 'upkeep',
} as const;
export type CleanUpTask = (typeof CleanUpTask)[keyof typeof CleanUpTask];

/** The queues, and what a job of each carries. */
export interface QueuePayloads {
  /** A mail, sealed: see `libs/mail/mail-seal.ts`. Neither address nor code can be read from it. */
  readonly mail: { readonly sealed: string };
  /** A room that ends by itself. The job's id is the room. */
  readonly 'room-expiry': { readonly room: string };
  readonly 'clean-up': { readonly task: CleanUpTask };
}

export type QueueName = keyof QueuePayloads;

export const QUEUE_NAMES = ['mail', 'room-expiry', 'clean-up'] as const satisfies readonly QueueName[];

export interface Job<Q extends QueueName> {
  readonly id: string;
  readonly payload: QueuePayloads[Q];
  /** From 1. What was begun by a worker that died does not count. */
  readonly attempt: number;
}

/** `again`: the job is not over, it runs anew after so many milliseconds, as its first attempt. */
export type JobOutcome = undefined | { readonly again: number };

/**
 * Does a job. What it rejects with is retried after a growing pause, until the queue's attempts are used up, unless it is a `JobError` that is `permanent`. Of
 * other errors the backend keeps the kind only, never the text: a text may hold an address.
 */
export type JobHandler<Q extends QueueName> = (job: Job<Q>) => Promise<JobOutcome>;

export interface AddOptions {
  /** 1-200 characters. Adding a job whose id waits, is delayed, runs, or is kept, changes nothing. One is made where absent. */
  readonly id?: string;
  /** Milliseconds until it may run. Default 0. */
  readonly delayMs?: number;
}

export interface JobCounts {
  readonly waiting: number;
  readonly active: number;
  /** Not due yet, or waiting for the next attempt. */
  readonly delayed: number;
  /** Given up, kept to be looked at. */
  readonly failed: number;
  /** Seconds since the oldest waiting job was due; 0 where none waits. */
  readonly oldestAge: number;
}

export interface Jobs {
  /**
   * Queues a job; resolves once the backend has it. Tries again by itself for a few seconds while the backend is away.
   * Rejects with `HubError` `UNAVAILABLE` then: the job may be queued all the same, so a repetition takes the same id.
   */
  add<Q extends QueueName>(queue: Q, payload: QueuePayloads[Q], options?: AddOptions): Promise<void>;
  /** Lets a delayed job run after so many milliseconds from now. False if no job of this id is delayed. Rejects as `add`. */
  move(queue: QueueName, id: string, delayMs: number): Promise<boolean>;
  /** Takes a job out: afterwards there is none of this id. False if it runs at this moment, and stays. Rejects as `add`. */
  remove(queue: QueueName, id: string): Promise<boolean>;
  /** Starts to do the jobs of a queue, at most `concurrency` at once in this process. Once for each queue. */
  process<Q extends QueueName>(queue: Q, handler: JobHandler<Q>, options?: { readonly concurrency?: number }): void;
  /**
   * Queues a task now and every so many milliseconds, while this process lives. However many processes do, about one job of the task comes in each stretch of
   * `everyMs`, and none while the last one waits or runs. Needs nothing that the backend could lose.
   */
  repeat(task: CleanUpTask, everyMs: number): void;
  counts(): Promise<Record<QueueName, JobCounts>>;
  /** Takes no new job, lets the running ones finish, and ends. */
  close(): Promise<void>;
}

/** Hooks for metrics. */
export interface JobsObserver {
  /** A handler ended, well or not, after so many seconds. */
  ran(queue: QueueName, seconds: number): void;
  /** A job was given up: permanent, or its attempts used up. */
  failed(queue: QueueName): void;
  /** A job was found whose worker had died: it is done again. */
  stalled(queue: QueueName): void;
}
