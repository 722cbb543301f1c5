import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The exit of a process. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Options of `Child`. */
export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called for each whole line of its standard output. */
  readonly onLine?: (line: string) => void;
}

const OUTPUT_KEPT = 200_000;
const SETPRIV = '/usr/bin/setpriv';
/** The first arguments of Node. With them a process starts in two thirds of the time. */
const STRIPPED = ['--import', new URL('./stripped-types-hook.mjs', import.meta.url).href];
const living = new Set<Child>();
process.on('exit', () => {
  for (const child of living) child.signal('SIGKILL');
});

/**
 * A process of a test. It never outlives the test process: an exit hook kills it, and on Linux the
 * parent-death signal (setpriv) does if the test process itself is killed. A failure shows its last
 * output.
 */
export class Child {
  readonly #process: ChildProcess;
  #output = '';
  /** Resolves when it has ended and its output is read to the end. */
  readonly exited: Promise<ChildExit>;
  #ended = false;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const whole = [command, ...(command === process.execPath ? STRIPPED : []), ...args];
    const guarded = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--', ...whole] : whole;
    this.#process = spawn(guarded[0] ?? command, guarded.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    living.add(this);
    let rest = '';
    this.#process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#keep(chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine?.(line);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (chunk: string) => this.#keep(chunk));
    this.exited = new Promise((resolve) => {
      const end = (exit: ChildExit): void => {
        this.#ended = true;
        living.delete(this);
        resolve(exit);
      };
      this.#process.once('close', (code, signal) => end({ code, signal }));
      this.#process.once('error', (error) => {
        this.#keep(`${error.message}\n`);
        end({ code: -1, signal: null });
      });
    });
  }

  /** Its process id; 0 if it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Its standard output and error in order of arrival: the last 200,000 characters. */
  get output(): string {
    return this.#output;
  }

  /** Sends a signal. Does nothing if the process has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_KEPT);
  }
}
