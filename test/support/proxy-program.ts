import { Child } from './child.ts';
import { removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

/** A third-party proxy on a port of 127.0.0.1, with a folder of its own. */
export class ProxyProgram {
  /** The port that it listens on. */
  readonly port: number;
  protected readonly folder: string;
  readonly #child: Child;

  /** Starts the program. `ready` waits for it. */
  protected constructor(command: readonly [string, ...string[]], port: number, folder: string) {
    const [program, ...args] = command;
    this.#child = new Child(program, args);
    this.port = port;
    this.folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Its log so far. */
  get output(): string {
    return this.#child.output;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.signal(name);
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#child.exited;
    removeFolder(this.folder);
  }

  /** Resolves when it works; rejects if it ends before. */
  protected async ready(what: string, does: () => Promise<boolean>): Promise<void> {
    await until(() => this.#child.ended || does(), { timeoutMs: 60_000, describe: () => `${what}\n${this.output}` });
    if (this.#child.ended) throw new Error(`it ended before: ${what}\n${this.output}`);
  }
}
