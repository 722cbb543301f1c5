import type { LoginMail, MailSeal } from '#libs/mail/login-mail.ts';
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
  /** A mail, sealed: see `libs/mail/login-mail.ts`. Neither address nor code can be read from it. */
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

export interface QueueSettings {
  /** How often a job is tried before it is given up. */
  readonly attempts: number;
  /** Milliseconds before the second attempt at most; doubled for each further one, up to `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Jobs at once in one process. */
  readonly concurrency: number;
  /** Seconds for which a done job's id is remembered, so that it is not done twice. 0: forgotten at once. */
  readonly keepDoneSeconds: number;
  /** Seconds for which a job that was given up is kept. 0: its id is free at once. */
  readonly keepFailedSeconds: number;
}

const DAY = 86_400;

export const QUEUE_SETTINGS: Readonly<Record<QueueName, QueueSettings>> = {
  // A code is good for ten minutes: about as long as these attempts last.
  mail: { attempts: 20, backoffMs: 1000, backoffMaxMs: 60_000, concurrency: 10, keepDoneSeconds: 3600, keepFailedSeconds: 14 * DAY },
  // A room may get another expiry later: its id must be free. What is given up is found again by the sweep.
  'room-expiry': { attempts: 8, backoffMs: 500, backoffMaxMs: 30_000, concurrency: 10, keepDoneSeconds: 0, keepFailedSeconds: 0 },
  // The next repetition is the retry.
  'clean-up': { attempts: 1, backoffMs: 0, backoffMaxMs: 0, concurrency: 5, keepDoneSeconds: 0, keepFailedSeconds: 0 },
};

/** Done and failed jobs that are kept at most, whatever their age. */
export const KEPT_MAX = 1000;

/** Shares of the pause that are certain, and left to chance: the retries of many jobs that failed together do not come together. */
const CERTAIN = 0.5;

/** Milliseconds to wait after so many failed attempts (from 1). `random`: from 0 to below 1. */
export function backoff(settings: Pick<QueueSettings, 'backoffMs' | 'backoffMaxMs'>, failed: number, random: number): number {
  const most = Math.min(settings.backoffMaxMs, settings.backoffMs * 2 ** Math.min(failed - 1, 30));
  return Math.round(most * (CERTAIN + (1 - CERTAIN) * random));
}

const ID_MAX = 200;

/** @throws TypeError where an id is no job's. */
export function checkJobId(id: string): void {
  if (id === '' || id.length > ID_MAX) throw new TypeError(`A job's id has 1-${ID_MAX} characters.`);
}

/**
 * Sets when a room is closed by a job: once for each change of its expiry. `undefined`: never. A time that is over: at once.
 * Rejects with `UNAVAILABLE` as `Jobs.add`; the store has the truth, so a caller may leave it to the sweep, which closes what is overdue.
 */
export async function scheduleExpiry(jobs: Jobs, room: string, expiresAt: number | undefined, now: number): Promise<void> {
  if (expiresAt === undefined) {
    await jobs.remove('room-expiry', room);
    return;
  }
  const delayMs = Math.max(0, expiresAt - now);
  if (!(await jobs.move('room-expiry', room, delayMs))) await jobs.add('room-expiry', { room }, { id: room, delayMs });
}

/**
 * Queues the mail of a login code, sealed. `id`: new for each code; it names the job, and the mail's Message-ID comes from it. For an account that is not known `to` is
 * undefined: both ways are one. Rejects as `Jobs.add`.
 */
export async function queueLoginMail(
  jobs: Jobs,
  seal: MailSeal,
  id: string,
  mail: Omit<LoginMail, 'to'> & { readonly to: string | undefined },
): Promise<void> {
  await jobs.add('mail', { sealed: seal.seal(id, { ...mail, to: mail.to ?? '' }) }, { id });
}
