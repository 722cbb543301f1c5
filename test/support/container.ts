import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Child, type ChildExit } from './child.ts';
import { until, within } from './wait.ts';

const run = promisify(execFile);

const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const START_MS = 120_000;
/** runc as root without systemd's cgroups, and no more rights than a cluster gives. */
const PODMAN = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
const CONFINED = [
  ...['--network', 'host', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt', 'no-new-privileges'],
  ...['--ulimit', 'nofile=10000:10000', '--ulimit', 'nproc=5000:5000', '--no-healthcheck'],
];

/** Runs podman to its end. Resolves with its standard output, rejects with what it printed. */
export async function podman(...args: readonly string[]): Promise<string> {
  try {
    return (await run('podman', [...PODMAN, ...args], { maxBuffer: OUTPUT_MAX_BYTES })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`podman ${args.join(' ')}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`, { cause: error });
  }
}

/** Options of `Container`. */
export interface ContainerOptions {
  readonly image: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** More options of `podman run`. */
  readonly options?: readonly string[];
}

interface Listening {
  /** When it was logged. */
  readonly time: string;
  readonly port: number;
  readonly adminPort: number;
}

/** A container without capabilities, with a read-only root and nothing that it may write to. */
export class Container {
  static #serial = 0;
  readonly name: string;
  readonly #child: Child;
  #listening: Listening | undefined;

  /** Starts it without waiting. */
  constructor({ image, command, env = {}, options = [] }: ContainerOptions) {
    Container.#serial += 1;
    this.name = `parley-test-${process.pid}-${Container.#serial}`;
    const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    this.#child = new Child('podman', [...PODMAN, 'run', '--name', this.name, ...CONFINED, ...settings, ...options, image, ...command], {
      onLine: (line) => {
        if (line.startsWith('{') && line.includes('"listening"')) this.#listening = JSON.parse(line) as Listening;
      },
    });
  }

  /** Starts a program that serves. Resolves when it says that it listens. */
  static async start(options: ContainerOptions): Promise<Container> {
    const container = new Container(options);
    await until(() => container.#listening !== undefined || container.#child.ended, {
      timeoutMs: START_MS,
      describe: () => `${options.command.join(' ')} listens\n${container.output}`,
    });
    if (container.#child.ended) throw new Error(`${options.command.join(' ')} ended at start:\n${container.output}`);
    return container;
  }

  /** Runs a command of the image to its end. */
  static async run(options: ContainerOptions): Promise<{ readonly code: number | null; readonly output: string }> {
    const container = new Container(options);
    const { code } = await within(START_MS, `${options.command.join(' ')} ended`, container.exited);
    return { code, output: container.output };
  }

  get port(): number {
    return this.#listening?.port ?? 0;
  }

  get adminPort(): number {
    return this.#listening?.adminPort ?? 0;
  }

  /** Its log so far. */
  get output(): string {
    return this.#child.output;
  }

  get exited(): Promise<ChildExit> {
    return this.#child.exited;
  }

  /** Runs a command in the container. Rejects if it fails. */
  exec(...command: readonly string[]): Promise<string> {
    return podman('exec', this.name, ...command);
  }

  /** The process id of its process 1, as this machine sees it. */
  async pid(): Promise<number> {
    return Number(await podman('inspect', '--format', '{{.State.Pid}}', this.name));
  }

  /** Milliseconds from the start of its process 1 to the line that says that it listens. */
  async listenedMs(): Promise<number> {
    const started = await podman('inspect', '--format', '{{.State.StartedAt.UnixMilli}}', this.name);
    return Date.parse(this.#listening?.time ?? '') - Number(started);
  }

  /** Sends SIGTERM to process 1. Resolves with the exit code. */
  async term(timeoutMs = 60_000): Promise<number | null> {
    await podman('kill', '--signal', 'TERM', this.name);
    return (await within(timeoutMs, `${this.name} ended after SIGTERM\n${this.output.slice(-2000)}`, this.exited)).code;
  }

  /** Removes every container of this process, running or not. */
  static async removeAll(): Promise<void> {
    const mine = Array.from({ length: Container.#serial }, (_, n) => `parley-test-${process.pid}-${n + 1}`);
    if (mine.length > 0) await podman('rm', '--force', '--ignore', '--time', '0', ...mine);
  }
}
