import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority as renice } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Heap } from './probe.ts';

/** The servers' core. Redis, PostgreSQL and the load have the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/**
 * Scheduling priority of everything measured (-20 to 19). On a shared machine a negative one keeps
 * other processes out of the figures.
 */
let priority = 0;
const AUTOGROUP = '/proc/self/autogroup';

/** Sets the priority of later processes. Below 0 needs root. */
export function setPriority(nice: number): void {
  priority = nice;
  // Where the kernel groups processes by session (sched(7)), nice values count within a group alone.
  if (nice < 0 && existsSync(AUTOGROUP)) writeFileSync(AUTOGROUP, String(nice));
}

/**
 * Moves a process of others with its threads and its children, of now and later, to a core, with the
 * priority of all that is measured. @throws Error if that fails.
 */
export function pin(pid: number, core: number): void {
  pinOne(pid, core);
  for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)) {
    try {
      pinOne(Number(child), core);
    } catch (error) {
      // Children may end meanwhile.
      if (existsSync(`/proc/${child}`)) throw error;
    }
  }
}

function pinOne(pid: number, core: number): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', String(core), String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`process ${pid} cannot be put on core ${core}: ${stderr}`);
  if (priority !== 0) renice(pid, priority);
}

/** The running processes, ended with the bench. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

const ROOT = resolve(import.meta.dirname, '../..');
const START_MS = 60_000;

/** Arguments of Node for a server whose heap is asked for. */
export const PROBED = ['--expose-gc', '--import', new URL('./probe.ts', import.meta.url).href];

/** A child process on one core. It answers questions over IPC, one at a time. */
export class PinnedProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  /** The last lines that it wrote, reported if it dies. */
  readonly #tail: string[] = [];

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /** Starts `node ...args` on a core. Its environment is exactly `env`. */
  static node(name: string, core: number, args: readonly string[], env: Readonly<Record<string, string>> = {}): PinnedProcess {
    return PinnedProcess.#start(name, core, [process.execPath, ...args], env, true);
  }

  /** Starts any program on a core. */
  static program(name: string, core: number, command: readonly string[]): PinnedProcess {
    return PinnedProcess.#start(name, core, command, { PATH: '/usr/local/bin:/usr/bin:/bin' }, false);
  }

  static #start(
    name: string,
    core: number,
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    ipc: boolean,
  ): PinnedProcess {
    const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
    const child = spawn('taskset', ['-c', String(core), 'nice', '-n', String(priority), ...command], {
      cwd: ROOT,
      env: { PATH: path, ...env },
      stdio: ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
      serialization: 'advanced',
    });
    const started = new PinnedProcess(name, child);
    running.add(child);
    child.on('exit', () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        started.#tail.push(line);
        if (started.#tail.length > 20) started.#tail.shift();
      });
    }
    child.on('error', (error) => started.#tail.push(String(error)));
    return started;
  }

  /** The process id. taskset replaces itself with the program. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The last lines it wrote. */
  get tail(): string {
    return this.#tail.join('\n');
  }

  /**
   * Resolves with the first result of `take` for a line. @throws Error if the process ends first or
   * a minute passes.
   */
  line<T>(take: (line: string) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      const timer = setTimeout(() => stop(new Error(`${this.name} did not start in time:\n${this.tail}`)), START_MS);
      this.#child.once('exit', (code, signal) => stop(new Error(`${this.name} ended with ${code ?? signal}:\n${this.tail}`)));
      if (this.#child.stdout === null) return;
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const taken = take(line);
        if (taken === undefined) return;
        clearTimeout(timer);
        resolve(taken);
      });
    });
  }

  /** Sends a question and resolves with the answer. @throws Error if the process is gone. */
  ask<T>(question: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`${this.name} is gone (${this.#child.exitCode ?? this.#child.signalCode}):\n${this.tail}`));
      this.#child.once('exit', gone);
      this.#child.once('message', (answer) => {
        this.#child.off('exit', gone);
        resolve(answer as T);
      });
      if (this.#child.exitCode !== null || !this.#child.connected) gone();
      else this.#child.send(question);
    });
  }

  /** V8's memory after a full collection, bytes. 0 for a program other than Node. */
  async heap(): Promise<number> {
    return this.#child.channel ? (await this.ask<Heap>({ gc: true })).heap : 0;
  }

  /** Ends it with SIGKILL, as a power cut does, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  /** Ends it with SIGTERM, after two seconds with SIGKILL, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await exit;
    clearTimeout(timer);
  }
}
