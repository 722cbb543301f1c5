import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, type ChildExit } from './child.ts';
import { until, within } from './wait.ts';

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '..', '..');
/** The system that images are built on. It is made once and kept. */
const SYSTEM = join(ROOT, '.data', 'image', 'bookworm');
/** The base image: what `debian:12-slim` is where there is a registry of images. */
export const BASE_IMAGE = 'localhost/parley-test-base';
/** The machine is for others, too. */
const NICE = ['-n', '10'];
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const START_MS = 120_000;
/** runc as root without systemd's cgroups, and no more rights than a cluster gives. */
const PODMAN = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
const CONFINED = [
  ...['--network', 'host', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt', 'no-new-privileges'],
  ...['--ulimit', 'nofile=10000:10000', '--ulimit', 'nproc=5000:5000', '--no-healthcheck'],
];

/** Runs a command to its end. Rejects with what it printed. */
async function command(program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd: ROOT, maxBuffer: OUTPUT_MAX_BYTES })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`, { cause: error });
  }
}

/** Runs podman to its end. Resolves with its standard output. */
export function podman(...args: readonly string[]): Promise<string> {
  return command('podman', ...PODMAN, ...args);
}

/** Makes the base image, if it is not there yet. Takes two minutes the first time. */
async function makeBase(): Promise<void> {
  if (!existsSync(SYSTEM)) {
    const draft = `${SYSTEM}.draft`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true });
    await command('nice', ...NICE, 'debootstrap', '--variant=minbase', 'bookworm', draft);
    renameSync(draft, SYSTEM);
  }
  if ((await podman('images', '--quiet', BASE_IMAGE)) !== '') return;
  await command('sh', '-c', `tar -C ${SYSTEM} -c . | podman import - ${BASE_IMAGE}`);
}

/**
 * Builds a target of `deploy/Dockerfile` on the base. Resolves with the image's name. Layers that
 * did not change are taken from the last build. npm's settings of this account, and
 * `NODE_EXTRA_CA_CERTS`, are mounted.
 */
export async function buildImage(target: string): Promise<string> {
  await makeBase();
  const name = `localhost/parley-test-${target}`;
  const { NODE_EXTRA_CA_CERTS: authority = '' } = process.env;
  const mounted = Object.entries({ npmrc: join(homedir(), '.npmrc'), ca: authority }).filter(([, path]) => path !== '' && existsSync(path));
  await command(
    ...(['nice', ...NICE, 'buildah', 'bud', '--isolation', 'chroot', '--layers', '--format', 'docker'] as const),
    ...['--file', 'deploy/Dockerfile', '--target', target, '--tag', name],
    ...['--build-arg', `BASE=${BASE_IMAGE}`, '--build-arg', `VERSION=${version()}`],
    ...mounted.flatMap(([id, path]) => ['--secret', `id=${id},src=${path}`]),
    '.',
  );
  return name;
}

function version(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
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
