/** The folder of this machine for what PostgreSQL's account cannot reach in the project's own folder. */
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '#libs/config/config.ts';

/** Tried in this order. Both outlive a restart of the machine. */
const PLACES = ['/var/lib/parley', '/var/tmp/parley'];
/** Others pass through it, see no names in it and write nothing into it. */
const MODE = 0o711;

/**
 * Finds or makes the folder; for root only. Throws `ConfigError` if there is none that root alone can write to: whoever put one there before could change the
 * programs or read the data.
 */
export function machineFolder(places: readonly string[] = PLACES): string {
  const problems: string[] = [];
  for (const place of places) {
    const problem = problemOf(place);
    if (problem === undefined) return place;
    problems.push(`${place} ${problem}`);
  }
  throw new ConfigError([
    `PostgreSQL does not run as root, and its account cannot enter this folder; no other one could be used: ${problems.join('; ')}. Set DATABASE_URL, or start Parley as another user.`,
  ]);
}

/** Makes a new folder for the data of one project folder; root's own, and others pass through it. */
export function newDataFolder(base: string): string {
  const folder = mkdtempSync(join(base, 'data-'));
  chmodSync(folder, MODE);
  return folder;
}

/** Makes the folder if it is missing. Returns why it cannot be used, or undefined if it can. */
function problemOf(place: string): string | undefined {
  try {
    mkdirSync(place, { mode: MODE });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code !== 'EEXIST') return `cannot be made (${code})`;
  }
  // In a folder that everybody writes to, anybody may have put a link of that name.
  const isShared = (statSync(dirname(place)).mode & 0o022) !== 0;
  const stats = isShared ? lstatSync(place) : statSync(place, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return 'is no folder';
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
