import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Order, Report } from './orders.ts';

/** How long a worker may take to end, milliseconds. */
const END_MS = 3000;

/** The way to one worker, on this machine or another. */
export interface WorkerLink {
  /** For people: `worker 1`. */
  readonly name: string;
  tell(order: Order): void;
  /** Who hears its reports. One at a time. */
  onReport: (report: Report) => void;
  /** Resolves once it is gone. */
  end(): Promise<void>;
}

/** A worker on this machine, in a process of its own. */
export class LocalWorker implements WorkerLink {
  readonly name: string;
  onReport: (report: Report) => void = () => undefined;
  readonly #child: ChildProcess;
  #ended = false;

  constructor(name: string) {
    this.name = name;
    this.#child = fork(new URL('./worker.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // The secrets of this process are not for the worker: it gets what it needs with its part.
      env: { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'] },
    });
    this.#child.on('message', (report: Report) => this.onReport(report));
    this.#child.on('exit', (code, signal) => {
      if (!this.#ended) this.onReport({ report: 'failure', message: `${name} ended (${code ?? signal})` });
    });
  }

  tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  async end(): Promise<void> {
    this.#ended = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.tell({ order: 'end' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    await exit;
    clearTimeout(timer);
  }
}
