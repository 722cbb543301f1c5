import { fileURLToPath } from 'node:url';

import { Child, type ChildExit } from './child.ts';
import { JWT_SECRET } from './jwt.ts';
import { until, within } from './wait.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIRECT: readonly string[] = [process.execPath, fileURLToPath(new URL('../../services/gateway/main.ts', import.meta.url))];
/** The command of a person or systemd: through npm, in a process group of its own. */
export const THROUGH_NPM: readonly string[] = ['setsid', 'npm', 'run', 'gateway'];
const READY_MS = 60_000;

/** A real gateway process on free ports. `output` has its log. A failed start shows the log. */
export class GatewayProcess {
  readonly #child: Child;
  readonly port: number;
  readonly adminPort: number;
  /** Its node id. */
  readonly node: string;

  private constructor(child: Child, listening: { readonly port: number; readonly adminPort: number; readonly node: string }) {
    this.#child = child;
    this.port = listening.port;
    this.adminPort = listening.adminPort;
    this.node = listening.node;
  }

  /**
   * Starts it. Resolves when it logs `listening`. `env` overrides the launcher's settings; an
   * undefined member removes one.
   */
  static async start(env: Readonly<Record<string, string | undefined>>, command = DIRECT): Promise<GatewayProcess> {
    const launch = GatewayProcess.launch(env, command);
    const listening = await until(() => launch.listening() ?? (launch.child.ended ? 'ended' : undefined), {
      timeoutMs: READY_MS,
      describe: () => `gateway listening\n${launch.child.output}`,
    }).catch((error: unknown) => {
      launch.child.signal('SIGKILL');
      throw error;
    });
    if (listening === 'ended') throw new Error(`the gateway ended at start:\n${launch.child.output}`);
    return new GatewayProcess(launch.child, listening);
  }

  /** Starts the process without waiting, for settings that it must refuse. */
  static launch(
    env: Readonly<Record<string, string | undefined>>,
    [program = '', ...args]: readonly string[] = DIRECT,
  ): {
    readonly child: Child;
    readonly listening: () => Listening | undefined;
  } {
    let listening: Listening | undefined;
    const child = new Child(program, args, {
      cwd: ROOT,
      env: { ...base(), ...env },
      onLine: (line) => {
        listening ??= readListening(line);
      },
    });
    return { child, listening: () => listening };
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#child.ended;
  }

  /** Its log, the last 200,000 characters. */
  get output(): string {
    return this.#child.output;
  }

  get exited(): Promise<ChildExit> {
    return this.#child.exited;
  }

  /** Sends SIGKILL, as a power cut does. */
  async kill9(): Promise<void> {
    this.#child.signal('SIGKILL');
    await this.#child.exited;
  }

  /** Sends SIGSTOP: the process stops and its sockets stay open. */
  freeze(): void {
    this.#child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child.signal('SIGCONT');
  }

  /** Sends SIGTERM. Resolves with the exit code; rejects if that takes longer than `timeoutMs`. */
  async term(timeoutMs = 60_000): Promise<number | null> {
    this.#child.signal('SIGTERM');
    const exit = await within(timeoutMs, `gateway ${this.node} ended after SIGTERM\n${this.output.slice(-2000)}`, this.#child.exited);
    return exit.code;
  }

  /**
   * As `term`, but signals every process of the group at once: for a gateway started `THROUGH_NPM`.
   */
  async termGroup(name: NodeJS.Signals, timeoutMs = 60_000): Promise<number | null> {
    process.kill(-this.pid, name);
    const exit = await within(timeoutMs, `gateway ${this.node} ended after ${name}\n${this.output.slice(-2000)}`, this.#child.exited);
    return exit.code;
  }

  /** Its resident memory in bytes (Linux). */
  async memory(): Promise<number> {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  /**
   * Returns the value of a metric, summed over its label sets. `labels` (`code="1012"`) selects
   * among them. 0 if there is none.
   */
  async metric(name: string, labels = ''): Promise<number> {
    const response = await fetch(`${this.adminUrl}/metrics`);
    const text = await response.text();
    let sum = 0;
    for (const line of text.split('\n')) {
      const match = /^([a-z_0-9]+)(\{.*\})? (\S+)/.exec(line);
      if (match?.[1] === name && (match[2] ?? '').includes(labels)) sum += Number(match[3]);
    }
    return sum;
  }
}

interface Listening {
  readonly port: number;
  readonly adminPort: number;
  readonly node: string;
}

function readListening(line: string): Listening | undefined {
  if (!line.includes('"listening"')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    return isListening(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isListening(value: unknown): value is Listening {
  return typeof value === 'object' && value !== null && 'msg' in value && value.msg === 'listening' && 'port' in value && 'node' in value;
}

function base(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(HOME === undefined ? {} : { HOME }),
    PORT: '0',
    ADMIN_PORT: '0',
    DRAIN_LISTEN_SECONDS: '0',
    JWT_SECRET,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    OPEN_ROOMS: 'on',
  };
}
