import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called for each whole line of its standard output. */
  readonly onLine?: (line: string) => void;
}

const OUTPUT_KEPT = 200_000;
const SETPRIV = '/usr/bin/setpriv';
/** Goes before the arguments of Node: a process comes up in two thirds of the time. */
const STRIPPED = ['--import', new URL('./stripped-types-hook.mjs', import.meta.url).href];
const living = new Set<Child>();
process.on('exit', () => {
  for (const child of living) child.signal('SIGKILL');
});

/**
 * A process started by a test. It never outlives the test process: an exit hook kills it, and where the kernel can (Linux, through
 * setpriv's parent-death signal) also when the test process is itself killed. Its last output is kept for the failure's message.
 */
export class Child {
  readonly #process: ChildProcess;
  #output = '';
  /** Resolves once it has ended and its output was read to the end. */
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

  /** 0 where it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Its standard output and error, mixed as they came; the last 200,000 characters. */
  get output(): string {
    return this.#output;
  }

  /** Sends a signal; nothing happens where it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_KEPT);
  }
}
