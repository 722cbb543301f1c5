/**
 * Runs several gateway processes on one port and answers for all of them (`GATEWAY_PROCESSES`).
 *
 * Why no library: `node:cluster`, and wrappers of it, share sockets of `node:net`. uWebSockets.js
 * opens its own, and the kernel shares the port (`SO_REUSEPORT`). Process managers restart
 * processes, but do not add up their metrics, do not answer `/readyz` for the group, and do not
 * return the exit code of a drain. No message passes through the parent, so there is no figure to
 * compare.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createServer } from 'node:net';
import { type AdminSource, ListenError } from '#libs/process/admin-server.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { Metrics, type MetricsSnapshot } from '#libs/telemetry/metrics.ts';

/** A report of a child to its parent. */
export type ChildMessage =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'ready'; readonly ready: boolean; readonly problem: string | undefined }
  | { readonly type: 'metrics'; readonly snapshot: MetricsSnapshot };

/** A request of a parent to its child. */
export type ParentMessage = { readonly type: 'metrics' };

interface Child {
  readonly index: number;
  child: ChildProcess;
  ready: boolean;
  /** Why the child is not ready, if it reported a reason. */
  problem: string | undefined;
  /**
   * The newest snapshot of the running child. It counts until the next one, or until the child
   * ends.
   */
  last: MetricsSnapshot | undefined;
  answer: (() => void) | undefined;
}

/** Milliseconds that a scrape waits for the metrics of one child. */
const SCRAPE_TIMEOUT_MS = 2000;
/** Milliseconds after which a process that ended is started again. */
const RESTART_MS = 1000;

/** Options of `ProcessGroup`. */
export interface ProcessGroupOptions {
  /** The module that children run, with `--child <n> --node <node> --port <port>`. */
  readonly main: string;
  /** The parent's node id. Children get it with a number: `node-1`, `node-2`. */
  readonly node: string;
  readonly count: number;
  /** The port that the processes share. 0: a free port. */
  readonly port: number;
  readonly log: Logger;
}

/** Gateway processes that share a port. A process that ends is started again after a second. */
export class ProcessGroup implements AdminSource {
  readonly metricsType = Metrics.contentType;
  readonly #options: ProcessGroupOptions;
  readonly #members: Child[] = [];
  /** The counts of children that have ended. */
  #ended: MetricsSnapshot = [];
  #port: number;
  #started = false;
  #stopping = false;

  constructor(options: ProcessGroupOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /** The shared port. Known after `start` if the option was 0. */
  get port(): number {
    return this.#port;
  }

  /**
   * Starts all processes. Resolves when each of them listens. Rejects with `ListenError` if one
   * ends before it listens.
   */
  async start(): Promise<void> {
    // uWebSockets.js shares a port only if it is given a number. Port 0 would give each child its
    // own.
    if (this.#port === 0) this.#port = await freePort();
    await Promise.all(Array.from({ length: this.#options.count }, (_, index) => this.#spawn(index)));
    this.#started = true;
  }

  /** Whether every process has listened once. */
  started(): boolean {
    return this.#started;
  }

  /**
   * Whether at least one process serves. A process that restarts does not make the group unready.
   */
  ready(): boolean {
    return !this.#stopping && this.#members.some((member) => member.ready);
  }

  /** The problem of the first process that is not ready and reported one. */
  problem(): string | undefined {
    return this.#members.find((member) => !member.ready && member.problem !== undefined)?.problem;
  }

  /**
   * The metrics of all processes as one. Totals never fall. If a process does not answer, its last
   * snapshot counts, and the log reports it. A process that has ended stays in counters and
   * histograms, and leaves the gauges.
   */
  async metrics(): Promise<string> {
    await Promise.all(this.#members.map((member) => this.#scrape(member)));
    // Collected without an `await`. So a child that ends meanwhile is counted once: in `snapshots`
    // or in `#ended`.
    const snapshots = this.#members.map(({ last }) => last).filter((last) => last !== undefined);
    return Metrics.aggregate([...snapshots, this.#ended]);
  }

  /**
   * Drains all processes. Resolves with 0 if every one exits with 0, otherwise with the first other
   * code.
   */
  async stop(): Promise<number> {
    this.#stopping = true;
    const codes = await Promise.all(
      this.#members.map(({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? 1;
        const ended = new Promise<number>((resolve) => {
          child.once('exit', (code) => resolve(code ?? 1));
        });
        child.kill('SIGTERM');
        return ended;
      }),
    );
    return codes.find((code) => code !== 0) ?? 0;
  }

  #spawn(index: number): Promise<number> {
    const { main, node } = this.#options;
    const child = fork(main, ['--child', String(index), '--node', node, '--port', String(this.#port)]);
    const member: Child = this.#members[index] ?? { index, child, ready: false, problem: undefined, last: undefined, answer: undefined };
    member.child = child;
    this.#members[index] = member;
    return new Promise((resolve, reject) => {
      let listening = false;
      let hasEnded = false;
      child.on('message', (message: ChildMessage) => {
        switch (message.type) {
          case 'listening':
            listening = true;
            resolve(message.port);
            break;
          case 'ready':
            member.ready = message.ready;
            member.problem = message.problem;
            break;
          case 'metrics':
            if (member.child !== child || hasEnded) break;
            member.last = message.snapshot;
            member.answer?.();
            break;
        }
      });
      child.once('exit', (code, signal) => {
        member.ready = false;
        hasEnded = true;
        this.#keepCounts(member);
        if (!listening)
          reject(new ListenError(`gateway process ${index} ended with ${code ?? signal} before it listened. Its log above has the reason`));
        else if (!this.#stopping) this.#restart(index, code ?? signal);
      });
    });
  }

  /** Adds the counts of a child that ended to `#ended`. */
  #keepCounts(member: Child): void {
    if (member.last !== undefined) this.#ended = Metrics.totals([this.#ended, member.last]);
    member.last = undefined;
    member.answer?.();
  }

  #restart(index: number, cause: number | string | null): void {
    this.#options.log.error({ process: index, cause }, 'a gateway process ended: it is started again');
    setTimeout(() => {
      if (this.#stopping) return;
      this.#spawn(index).catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'a gateway process could not start');
        this.#restart(index, 'start');
      });
    }, RESTART_MS);
  }

  /**
   * Requests the metrics of a child. Resolves when `last` has them, or after `SCRAPE_TIMEOUT_MS`.
   */
  #scrape(member: Child): Promise<void> {
    if (!member.child.connected) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#options.log.warn({ process: member.index }, 'a gateway process did not report its metrics');
        done();
      }, SCRAPE_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        if (member.answer === answer) member.answer = undefined;
        resolve();
      };
      // Overlapping scrapes share one answer.
      const before = member.answer;
      const answer = (): void => {
        before?.();
        done();
      };
      member.answer = answer;
      const question: ParentMessage = { type: 'metrics' };
      member.child.send(question, (error) => {
        if (error !== null) done();
      });
    });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
