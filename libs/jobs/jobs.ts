/**
 * The port to work that may be done later, and must be done even if a worker dies.
 *
 * Every job is done at least once: if a worker is killed during a job, another one does it, so a
 * handler must be repeatable. The backend may lose queued jobs. If a job must not be lost, its
 * truth is in the store, and a sweep queues it again.
 */
import type { LoginMail, MailSeal } from '#libs/mail/login-mail.ts';
import { HubError } from '#libs/protocol/errors.ts';

/**
 * The failure of a job. Its message may be stored and shown: it contains no address, no code and no
 * text of a message.
 */
export class JobError extends Error {
  override readonly name = 'JobError';
  /** A retry cannot succeed. */
  readonly permanent: boolean;

  constructor(message: string, options: { readonly permanent: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.permanent = options.permanent;
  }
}

/** Whether a retry of the job cannot succeed. */
export function isPermanent(error: unknown): boolean {
  return error instanceof JobError && error.permanent;
}

/** The part of an error that may be stored with the job. */
export function reasonOf(error: unknown): string {
  if (error instanceof JobError) return error.message;
  if (error instanceof HubError) return error.code;
  if (!(error instanceof Error)) return 'failed';
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
}
/** Tasks that run periodically. */
export const CleanUpTask = {
  /** Closes rooms whose time is over. */
  overdue: 'overdue',
  /** Queues lost jobs of expiring rooms again. */
  restore: 'restore',
  /** Stores messages that are in a room's stream and not in the store (M1). */
  streams: 'streams',
  /** Gives waiting users a pair, and waiting customers an agent (A9, A10). */
  waiting: 'waiting',
  /** Deletes old data. */
  upkeep: 'upkeep',
} as const;
export type CleanUpTask = (typeof CleanUpTask)[keyof typeof CleanUpTask];

/** The queues, and the payload of their jobs. */
export interface QueuePayloads {
  /** A sealed mail: see `libs/mail/login-mail.ts`. Neither address nor code can be read from it. */
  readonly mail: { readonly sealed: string };
  /** A room that ends by itself. The job's id is the room. */
  readonly 'room-expiry': { readonly room: string };
  readonly 'clean-up': { readonly task: CleanUpTask };
}

/** The name of a queue. */
export type QueueName = keyof QueuePayloads;

/** A job, as its handler gets it. */
export interface Job<Q extends QueueName> {
  readonly id: string;
  readonly payload: QueuePayloads[Q];
  /** Counts from 1. An attempt whose worker died does not count. */
  readonly attempt: number;
}

/**
 * `rerunInMs`: the job is not done; it runs again after that many milliseconds, as its first
 * attempt.
 */
export type JobOutcome = undefined | { readonly rerunInMs: number };

/**
 * Does a job. If it rejects, the job is retried after growing pauses, until the attempts of the
 * queue are used up. A `permanent` `JobError` is not retried. Of other errors the backend stores
 * only the kind: a text may contain an address.
 */
export type JobHandler<Q extends QueueName> = (job: Job<Q>) => Promise<JobOutcome>;

/** Options of `Jobs.add`. */
export interface AddOptions {
  /**
   * 1-200 characters. If a job of this id waits, is delayed, runs or is kept, `add` does nothing.
   * Default: a fresh id.
   */
  readonly id?: string;
  /** Milliseconds until it may run. Default 0. */
  readonly delayMs?: number;
}

/** The jobs of a queue by state, at one moment. */
export interface JobCounts {
  readonly waiting: number;
  readonly active: number;
  /** Not due yet, or waiting for a retry. */
  readonly delayed: number;
  /** Given up, and kept for inspection. */
  readonly failed: number;
  /** Seconds since the oldest waiting job was due. 0 if none waits. */
  readonly oldestAge: number;
}

/** Returns the name of a job: of a clean-up its task, otherwise the queue. */
export function jobName(queue: string, payload: unknown): string {
  const task = typeof payload === 'object' && payload !== null && 'task' in payload ? payload.task : undefined;
  return typeof task === 'string' ? task : queue;
}

/** The states of a job that is not done. `failed`: given up, and kept for inspection. */
export const JOB_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A job, as an operator sees it: without its payload. */
export interface JobView {
  readonly id: string;
  /** See `jobName`. */
  readonly name: string;
  /** Attempts that ended, or of a running job also the one that runs. */
  readonly attempts: number;
  readonly attemptsMax: number;
  /** When it was queued, Unix milliseconds. */
  readonly madeAt: number;
  /** When it may run next, Unix milliseconds. Undefined unless it waits or is delayed. */
  readonly dueAt: number | undefined;
  /** The first line of the reason why its last attempt failed; see `reasonOf`. Undefined if none did. */
  readonly error: string | undefined;
}

/** The queues: the port that `JobsBullmq` and `JobsMemory` implement. */
export interface Jobs {
  /**
   * Queues a job. Resolves once the backend has it. Retries for a few seconds while the backend is
   * away, then rejects with `HubError` `UNAVAILABLE`. The job may be queued all the same, so a
   * repetition must use the same id.
   */
  add<Q extends QueueName>(queue: Q, payload: QueuePayloads[Q], options?: AddOptions): Promise<void>;
  /**
   * Changes the delay of a delayed job, in milliseconds from now. False if no job of this id is
   * delayed. Rejects as `add`.
   */
  move(queue: QueueName, id: string, delayMs: number): Promise<boolean>;
  /**
   * Removes a job: afterwards there is none of this id. False if it is running, which it continues.
   * Rejects as `add`.
   */
  remove(queue: QueueName, id: string): Promise<boolean>;
  /**
   * Starts to do the jobs of a queue, at most `concurrency` at once in this process. Call it once
   * for each queue.
   */
  process<Q extends QueueName>(queue: Q, handler: JobHandler<Q>, options?: { readonly concurrency?: number }): void;
  /**
   * Queues a task now and every `everyMs`, while this process lives. Whatever the number of
   * processes, each interval gets about one job of the task, and none while the last one waits or
   * runs. The repetition is not stored in the backend.
   */
  repeat(task: CleanUpTask, everyMs: number): void;
  counts(): Promise<Record<QueueName, JobCounts>>;
  /**
   * The jobs of a queue in one state at this moment, at most `limit`: those that run next first, of
   * given-up ones the newest. O(limit) for the backend. Rejects as `add`.
   */
  list(queue: QueueName, state: JobState, limit: number): Promise<JobView[]>;
  /** Takes no new job, waits for the running ones, and ends. */
  close(): Promise<void>;
}

/** Hooks for metrics. */
export interface JobsObserver {
  /** A handler ended, with or without an error, after this many seconds. */
  ran(queue: QueueName, seconds: number): void;
  /** A job was given up: a permanent error, or no attempts left. */
  failed(queue: QueueName): void;
  /** The worker of a job died, and the job is done again. */
  stalled(queue: QueueName): void;
}

/** How the jobs of a queue are retried, run and kept. */
export interface QueueSettings {
  /** Attempts of a job before it is given up. */
  readonly attempts: number;
  /**
   * Most milliseconds before the second attempt. Doubled for each further one, up to
   * `backoffMaxMs`.
   */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Jobs at the same time in one process. */
  readonly concurrency: number;
  /**
   * Seconds for which the id of a done job is kept, so that it is not done twice. 0: freed at once.
   */
  readonly keepDoneSeconds: number;
  /** Seconds for which a job that was given up is kept. 0: its id is freed at once. */
  readonly keepFailedSeconds: number;
}

const DAY = 86_400;

/** The settings of each queue, the same in every implementation. */
export const QUEUE_SETTINGS: Readonly<Record<QueueName, QueueSettings>> = {
  // A code is valid for ten minutes, about as long as these attempts take.
  mail: { attempts: 20, backoffMs: 1000, backoffMaxMs: 60_000, concurrency: 10, keepDoneSeconds: 3600, keepFailedSeconds: 14 * DAY },
  // The room may get another end later, so the id must be free. The sweep finds rooms whose job was
  // given up.
  'room-expiry': { attempts: 8, backoffMs: 500, backoffMaxMs: 30_000, concurrency: 10, keepDoneSeconds: 0, keepFailedSeconds: 0 },
  // The next repetition is the retry.
  'clean-up': { attempts: 1, backoffMs: 0, backoffMaxMs: 0, concurrency: 5, keepDoneSeconds: 0, keepFailedSeconds: 0 },
};

/** The names of all queues. */
export const QUEUE_NAMES = Object.keys(QUEUE_SETTINGS) as readonly QueueName[];

/** Most done and most failed jobs that are kept, whatever their age. */
export const KEPT_MAX = 1000;

/**
 * The fixed part of a pause. The rest is random, so that jobs that failed together are not retried
 * together.
 */
const CERTAIN = 0.5;

/** Milliseconds to wait after `failed` attempts, from 1. `random`: from 0 to below 1. */
export function backoff(settings: Pick<QueueSettings, 'backoffMs' | 'backoffMaxMs'>, failed: number, random: number): number {
  const most = Math.min(settings.backoffMaxMs, settings.backoffMs * 2 ** Math.min(failed - 1, 30));
  return Math.round(most * (CERTAIN + (1 - CERTAIN) * random));
}

const ID_MAX = 200;

/** @throws TypeError if the id of a job is empty or too long. */
export function checkJobId(id: string): void {
  if (id === '' || id.length > ID_MAX) throw new TypeError(`A job's id has 1-${ID_MAX} characters.`);
}

/**
 * Plans the job that closes a room. Call it at each change of the room's end. `undefined`: no end.
 * A time in the past: at once. Rejects with `UNAVAILABLE` as `Jobs.add`. The store has the truth,
 * so a caller may leave it to the sweep, which closes overdue rooms.
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
 * Queues the sealed mail of a login code. `id`: a new one for each code. It names the job, and the
 * Message-ID of the mail is made from it. For an unknown account `to` is undefined: the same job is
 * queued, so that nobody can tell the difference. Rejects as `Jobs.add`.
 */
export async function queueLoginMail(
  jobs: Jobs,
  seal: MailSeal,
  id: string,
  mail: Omit<LoginMail, 'to'> & { readonly to: string | undefined },
): Promise<void> {
  await jobs.add('mail', { sealed: seal.seal(id, { ...mail, to: mail.to ?? '' }) }, { id });
}
