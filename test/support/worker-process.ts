import { fileURLToPath } from 'node:url';
import { Child, type ChildExit } from './child.ts';
import { JWT_SECRET } from './jwt.ts';
import { until, within } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../services/worker/main.ts', import.meta.url));
const READY_MS = 60_000;

/** A real worker process. `output` has its log. A failed start shows the log. */
export class WorkerProcess {
  readonly #child: Child;
  readonly adminPort: number;

  private constructor(child: Child, adminPort: number) {
    this.#child = child;
    this.adminPort = adminPort;
  }

  /**
   * Starts it. Resolves when it is up. `env` needs `REDIS_URL`, `DATABASE_URL` and `SMTP_URL`.
   * `main`: the program of another version.
   */
  static async start(env: Readonly<Record<string, string | undefined>>, main = MAIN): Promise<WorkerProcess> {
    const { child, adminPort } = WorkerProcess.launch(env, main);
    const port = await until(() => adminPort() ?? (child.ended ? 'ended' : undefined), {
      timeoutMs: READY_MS,
      describe: () => `worker up\n${child.output}`,
    }).catch((error: unknown) => {
      child.signal('SIGKILL');
      throw error;
    });
    if (port === 'ended') throw new Error(`the worker ended at start:\n${child.output}`);
    return new WorkerProcess(child, port);
  }

  /** Starts the process without waiting, for settings that it must refuse. */
  static launch(
    env: Readonly<Record<string, string | undefined>>,
    main = MAIN,
  ): {
    readonly child: Child;
    readonly adminPort: () => number | undefined;
  } {
    let adminPort: number | undefined;
    const { PATH, HOME } = process.env;
    const child = new Child(process.execPath, [main], {
      env: { ...(PATH && { PATH }), ...(HOME && { HOME }), ADMIN_PORT: '0', JWT_SECRET, ...env },
      onLine: (line) => {
        const found = /"adminPort":(\d+).*"listening"/.exec(line);
        if (found !== null) adminPort ??= Number(found[1]);
      },
    });
    return { child, adminPort: () => adminPort };
  }

  get ended(): boolean {
    return this.#child.ended;
  }

  get exited(): Promise<ChildExit> {
    return this.#child.exited;
  }

  /** Its whole log. */
  get output(): string {
    return this.#child.output;
  }

  /** Sends SIGKILL, as a power cut does. */
  async kill9(): Promise<void> {
    this.#child.signal('SIGKILL');
    await this.#child.exited;
  }

  /** Sends SIGTERM. Resolves with the exit code. */
  async term(timeoutMs = 40_000): Promise<number | null> {
    this.#child.signal('SIGTERM');
    const exit = await within(timeoutMs, `worker ended after SIGTERM\n${this.output.slice(-2000)}`, this.#child.exited);
    return exit.code;
  }

  /** Returns its metrics as text. */
  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}/metrics`);
    return response.text();
  }
}
