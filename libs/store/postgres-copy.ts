/** A copy of PostgreSQL's programs, for an account that cannot reach the installed ones. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, openSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { machineFolder } from './machine-folder.ts';

const run = promisify(execFile);

const HOME = 'postgresql-';
const DRAFT = 'new-';

export interface CopyOptions {
  /** The installed programs: the folder with `bin`, `lib` and `share`. */
  readonly from: string;
  readonly version: string;
  /** Whether the programs of a folder run as the server's account. */
  works(home: string): Promise<boolean>;
  /** Called with one sentence if a copy is made. */
  tell(line: string): void;
  /** Default: the folder of this machine. */
  readonly base?: string;
}

/**
 * Returns the folder of a copy, made at the first call for a version. A copy appears whole or not at all. Copies of other versions that no process uses are
 * removed. This process counts as a user of the copy until it ends.
 */
export async function postgresCopy({ from, version, works, tell, base = machineFolder() }: CopyOptions): Promise<string> {
  const home = join(base, `${HOME}${version}-${process.platform}-${process.arch}`);
  for (;;) {
    if (existsSync(home) && !(await works(home))) rmSync(home, { recursive: true, force: true });
    if (!existsSync(home)) {
      const draft = mkdtempSync(join(base, `${DRAFT}${process.pid}-`));
      await copy(from, draft);
      tell(`PostgreSQL runs as an account that cannot enter ${from}: its programs were copied to ${home} (${await megabytes(draft)} MB).`);
      try {
        renameSync(draft, home);
      } catch {
        // Another start was faster.
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
  // An installation under a strict umask has files that only their owner reads.
  await run('chmod', ['-R', 'u=rwX,go=rX', to]);
  await run('chown', ['-R', '0:0', to]);
  // Otherwise a power cut after the rename could leave empty files.
  await run('sync', ['-f', to]);
}

/** Keeps one of its files open until this process ends: `isUsed` sees that. False if it has just been removed. */
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

/** Whether a process runs a program of a folder, or has a file in it open. */
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
