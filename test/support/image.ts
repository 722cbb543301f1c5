/** Builds the images of `deploy/Dockerfile`, for tests that run them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
/** What is made once and kept. */
const CACHE = join(ROOT, '.data', 'image');
/** The system that images are built on. */
const SYSTEM = join(CACHE, 'bookworm.tar');
/** One build at a time: a second one finds the layers of the first. */
const LOCK = join(CACHE, 'lock');
/** The base image: what `debian:12-slim` is where there is a registry of images. */
export const BASE_IMAGE = 'localhost/parley-test-base:slim';
/** A build beside other tests leaves the machine to them. */
const NICE = ['nice', '-n', '10'];
/** As `debian:12-slim`: no manuals, no translations, and no sync after each file of a package. */
const SLIM = [
  'force-unsafe-io',
  ...['doc', 'man', 'locale'].map((folder) => `path-exclude=/usr/share/${folder}/*`),
  'path-include=/usr/share/doc/*/copyright',
];
/** Makes the base image, unless it is there. $1: the system as a file. $2: the image. Then options. */
const MAKE_BASE = `
  set -e
  system=$1 image=$2
  shift 2
  if [ ! -e "$system" ]; then
    mmdebstrap --quiet --variant=minbase --format=tar "$@" bookworm "$system.draft"
    mv "$system.draft" "$system"
  fi
  podman image exists "$image" || podman import --quiet "$system" "$image"`;

export type ImageTarget = 'hub' | 'all-in-one';

/**
 * Builds a target of `deploy/Dockerfile` on a Debian that it makes, and waits for a build that runs.
 * Resolves with the image's name. Layers that did not change are taken from the last build. npm's
 * settings of this account, and `NODE_EXTRA_CA_CERTS`, are mounted. Rejects with what it printed;
 * `started` gets each process, for a caller that cannot wait.
 */
export async function buildImage(target: ImageTarget, started: (child: ChildProcess) => void = () => undefined): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const alone = (...command: readonly string[]): Promise<void> => runToEnd(['flock', LOCK, ...NICE, ...command], started);
  await alone('sh', '-c', MAKE_BASE, 'sh', SYSTEM, BASE_IMAGE, ...SLIM.map((option) => `--dpkgopt=${option}`));
  const { NODE_EXTRA_CA_CERTS: authority = '' } = process.env;
  const mounted = Object.entries({ npmrc: join(homedir(), '.npmrc'), ca: authority }).filter(([, path]) => path !== '' && existsSync(path));
  const name = `localhost/parley-test-${target}`;
  await alone(
    ...(['buildah', 'bud', '--isolation', 'chroot', '--layers', '--jobs', '2', '--format', 'docker'] as const),
    // npm opens hundreds of files at once.
    ...['--ulimit', 'nofile=10000:10000', '--file', 'deploy/Dockerfile', '--target', target, '--tag', name],
    ...['--build-arg', `BASE=${BASE_IMAGE}`, '--build-arg', `VERSION=${version()}`],
    ...mounted.flatMap(([id, path]) => ['--secret', `id=${id},src=${path}`]),
    '.',
  );
  return name;
}

/** Runs a command. Rejects with what it printed if it fails. */
async function runToEnd([program = '', ...args]: readonly string[], started: (child: ChildProcess) => void): Promise<void> {
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  started(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-8000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}\nended with ${code}:\n${output}`);
}

function version(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}
