/**
 * The version before this one: the commit of `deploy/previous-version`, out of the history of the
 * repository, with the packages of its own lockfile.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeFolder } from './temp-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Kept for the next run: the packages take a while. Not in the repository. */
const KEPT = join(ROOT, '.data', 'previous');

/**
 * Returns the folder of the version before, and makes it if it is not there yet.
 *
 * @throws Error that says what to do, if the history does not have the commit.
 */
export function previousVersion(): string {
  const commit = readFileSync(join(ROOT, 'deploy', 'previous-version'), 'utf8').trim();
  const folder = join(KEPT, commit);
  if (existsSync(folder)) return folder;
  mkdirSync(KEPT, { recursive: true });
  // It gets its name once it is complete.
  const draft = makeFolder('draft-', KEPT);
  try {
    const archive = execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] });
    execFileSync('tar', ['-x', '-C', draft], { input: archive });
  } catch (error) {
    throw new Error(`${commit} of deploy/previous-version is not in this clone. If the clone is shallow: git fetch --unshallow`, {
      cause: error,
    });
  }
  execFileSync('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], { cwd: draft, stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(draft, folder);
  return folder;
}

/** Imports a module of a version. */
export async function moduleOf<T>(root: string, path: string): Promise<T> {
  return (await import(pathToFileURL(join(root, path)).href)) as T;
}
