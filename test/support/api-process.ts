import { fileURLToPath } from 'node:url';
import { Child, type ChildExit } from './child.ts';
import { JWT_SECRET } from './jwt.ts';
import { until, within } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../services/api/main.ts', import.meta.url));
const READY_MS = 90_000;

interface Listening {
  readonly port: number;
  readonly adminPort: number;
}

/** A real API process. `output` has its log. A failed start shows the log. */
export class ApiProcess {
  readonly port: number;
  readonly adminPort: number;
  readonly #child: Child;

  private constructor(child: Child, { port, adminPort }: Listening) {
    this.#child = child;
    this.port = port;
    this.adminPort = adminPort;
  }

  /**
   * Starts it. Resolves when it listens. `env` needs `REDIS_URL` and `DATABASE_URL`. `main`: the
   * program of another version.
   */
  static async start(env: Readonly<Record<string, string | undefined>>, main = MAIN): Promise<ApiProcess> {
    let listening: Listening | undefined;
    const onLine = (line: string): void => {
      if (line.startsWith('{') && line.includes('"listening"')) listening = JSON.parse(line) as Listening;
    };
    const child = ApiProcess.launch(env, onLine, main);
    await until(() => listening ?? child.ended, { timeoutMs: READY_MS, describe: () => `the API listens\n${child.output}` }).catch(
      (error: unknown) => {
        child.signal('SIGKILL');
        throw error;
      },
    );
    if (listening === undefined) throw new Error(`the API ended at start:\n${child.output}`);
    return new ApiProcess(child, listening);
  }

  /** Starts the process without waiting, for settings that it must refuse. */
  static launch(env: Readonly<Record<string, string | undefined>>, onLine: (line: string) => void = () => undefined, main = MAIN): Child {
    const { PATH, HOME } = process.env;
    return new Child(process.execPath, [main], {
      env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', DRAIN_LISTEN_SECONDS: '0', JWT_SECRET, ...env },
      onLine,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Its whole log. */
  get output(): string {
    return this.#child.output;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { headers });
  }

  /** Sends JSON to a path under `/api/v1`. */
  post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Returns the status of a path of the admin port. */
  async admin(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`);
    await response.text();
    return response.status;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  get exited(): Promise<ChildExit> {
    return this.#child.exited;
  }

  /** Sends SIGTERM. Resolves with the exit code. */
  async stop(timeoutMs = 40_000): Promise<number | null> {
    this.signal('SIGTERM');
    return (await within(timeoutMs, `the API ended after SIGTERM\n${this.output.slice(-2000)}`, this.exited)).code;
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }
}
