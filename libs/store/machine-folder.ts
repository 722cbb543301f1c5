/**
 * The folder of this machine for things that PostgreSQL's account cannot reach in the project's own
 * folder: data, and copies of PostgreSQL's programs.
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '#libs/config/config.ts';

/** Tried in this order. Both survive a restart of the machine. */
const PLACES = ['/var/lib/parley', '/var/tmp/parley'];
/** Other accounts can pass through, and can neither list nor write. */
const MODE = 0o711;

/**
 * Finds or makes the folder; for root only. Throws `ConfigError` if there is none that root alone
 * can write to: another account could change the programs or read the data.
 */
export function machineFolder(places: readonly string[] = PLACES): string {
  const problems: string[] = [];
  for (const place of places) {
    const problem = problemOf(place);
    if (problem === undefined) return place;
    problems.push(`${place} ${problem}`);
  }
  throw new ConfigError([
    `PostgreSQL does not run as root, its account cannot enter this folder, and no other folder can be used: ${problems.join('; ')}. Set DATABASE_URL, or start Parley as another user.`,
  ]);
}

/**
 * Makes a new folder for the data of one project folder. It belongs to root, and others can pass
 * through.
 */
export function newDataFolder(base: string): string {
  const folder = mkdtempSync(join(base, 'data-'));
  chmodSync(folder, MODE);
  return folder;
}

/** Makes the folder if it is missing. Returns the reason why it cannot be used, or undefined. */
function problemOf(place: string): string | undefined {
  try {
    mkdirSync(place, { mode: MODE });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code !== 'EEXIST') return `cannot be made (${code})`;
  }
  // In a folder that everybody can write to, anybody may have put a link of this name.
  const isShared = (statSync(dirname(place)).mode & 0o022) !== 0;
  const stats = isShared ? lstatSync(place) : statSync(place, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return 'is not a folder';
  if (stats.uid !== 0) return 'belongs to another account';
  if ((stats.mode & 0o022) !== 0) return 'can be written to by others';
  try {
    accessSync(place, constants.W_OK);
    chmodSync(place, MODE);
  } catch {
    return 'cannot be written to';
  }
  return undefined;
}

const run = promisify(execFile);

const HOME = 'postgresql-';
const DRAFT = 'new-';

/** The programs to copy. */
export interface CopyOptions {
  /** The installed programs: a folder with `bin`, `lib` and `share`. */
  readonly from: string;
  readonly version: string;
  /** Whether the programs of a folder run under the server's account. */
  works(home: string): Promise<boolean>;
  /** Called with one sentence if a copy is made. */
  report(line: string): void;
  /** Default: the folder of this machine. */
  readonly base?: string;
}

/**
 * Returns the folder of a copy of PostgreSQL's programs, for an account that cannot reach the
 * installed ones. The first call for a version makes it. A copy appears whole or not at all. Copies
 * of other versions are removed if no process uses them. This process counts as a user until it
 * ends.
 */
export async function postgresCopy({ from, version, works, report, base = machineFolder() }: CopyOptions): Promise<string> {
  const home = join(base, `${HOME}${version}-${process.platform}-${process.arch}`);
  for (;;) {
    if (existsSync(home) && !(await works(home))) rmSync(home, { recursive: true, force: true });
    if (!existsSync(home)) {
      const draft = mkdtempSync(join(base, `${DRAFT}${process.pid}-`));
      await copy(from, draft);
      report(`PostgreSQL's account cannot enter ${from}, so its programs were copied to ${home} (${await megabytes(draft)} MB).`);
      try {
        renameSync(draft, home);
      } catch {
        // A concurrent start was faster.
        rmSync(draft, { recursive: true, force: true });
      }
    }
    if (hold(home)) break;
  }
  removeUnused(base, basename(home));
  return home;
}

async function copy(from: string, to: string): Promise<void> {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  // An installation under a strict umask has files that only their owner can read.
  await run('chmod', ['-R', 'u=rwX,go=rX', to]);
  await run('chown', ['-R', '0:0', to]);
  // Without this, a power cut after the rename could leave empty files.
  await run('sync', ['-f', to]);
}

/**
 * Keeps a file of the folder open until this process ends, so that `isUsed` sees it. False if the
 * folder was just removed.
 */
function hold(home: string): boolean {
  try {
    openSync(join(home, 'bin', 'postgres'), 'r');
    return true;
  } catch {
    return false;
  }
}

function removeUnused(base: string, current: string): void {
  for (const name of readdirSync(base)) {
    const folder = join(base, name);
    const isOld = name.startsWith(HOME) && name !== current && !isUsed(folder);
    const isLeft = name.startsWith(DRAFT) && !existsSync(`/proc/${Number.parseInt(name.slice(DRAFT.length), 10)}`);
    if (isOld || isLeft) rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a process runs a program of the folder, or has a file of it open. */
function isUsed(folder: string): boolean {
  return numbersIn('/proc').some((pid) => {
    const process = join('/proc', pid);
    const links = [join(process, 'exe'), ...numbersIn(join(process, 'fd')).map((fd) => join(process, 'fd', fd))];
    return links.some((link) => linkTarget(link).startsWith(`${folder}/`));
  });
}

function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function linkTarget(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

async function megabytes(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sk', folder]);
  return Math.ceil(Number.parseInt(stdout, 10) / 1024);
}
