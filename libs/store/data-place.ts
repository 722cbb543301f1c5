/** Where the embedded database keeps its data: in the project's `.data`, or, if its account cannot get there, where a link in `.data` leads. */
import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '#libs/config/config.ts';
import { makeOwnFolder } from '#libs/config/own-folder.ts';
import { machineFolder, newDataFolder } from './machine-folder.ts';
import type { PostgresProgram, SystemAccount } from './postgres-program.ts';
import { runningPostmaster, stopPostmaster } from './postmaster.ts';

const run = promisify(execFile);

/** In a folder beyond the project: the path of the link that leads to it. */
const LINK_FILE = 'used-by';
const STOP_MS = 20_000;
/** Error codes of a step that another start at the same time was faster with. */
const RETRIED: readonly string[] = ['EEXIST', 'ENOENT', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY'];
/** Error codes of a folder that is not ours to write to. */
const UNWRITABLE = ['EROFS', 'EACCES', 'EPERM'];

/** Whether a database was made in a folder before. */
export function hasData(folder: string): boolean {
  return existsSync(join(folder, 'data', 'PG_VERSION'));
}

/** For root: the account that existing data belongs to, if it is another one. PostgreSQL serves only what belongs to the account it runs as. */
export function ownerOfData(path: string): SystemAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const stats = statSync(join(path, 'data'), { throwIfNoEntry: false });
  return stats === undefined || stats.uid === 0 ? undefined : { uid: stats.uid, gid: stats.gid };
}

/**
 * Returns the folder to use for `path`, and makes it. Without another account, and if that account can reach `path`, it is `path` itself. Otherwise it is a new
 * folder of this machine, `path` becomes a link to it, and data that lies in `path` already moves along. A copied project gets a folder of its own; a moved
 * one keeps its. Throws `ConfigError` if a folder is gone, belongs to somebody else or cannot be written to.
 */
export async function dataPlace(path: string, program: PostgresProgram, tell: (line: string) => void): Promise<string> {
  try {
    const place = await findPlace(path, program, tell);
    accessSync(place, constants.W_OK);
    return place;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!UNWRITABLE.includes(code)) throw error;
    throw new ConfigError([
      `DATABASE_URL is not set, and no database can be kept in ${path} (${code}): set it, or make the folder writable.`,
    ]);
  }
}

async function findPlace(path: string, program: PostgresProgram, tell: (line: string) => void): Promise<string> {
  for (;;) {
    const target = linkTarget(path);
    if (target !== undefined && !existsSync(target))
      throw new ConfigError([
        `${path} leads to ${target}, which is gone, and with it the database: bring it back, or remove ${path} to begin with an empty one (or set DATABASE_URL).`,
      ]);
    if (program.account === undefined) {
      makeOwnFolder(path);
      refuseForeign(path);
      return path;
    }
    if (target !== undefined) {
      if (isOwn(path, target)) return target;
      tell(`${path} is a copy of the link of another folder that uses ${target}: this one begins with a database of its own.`);
      rmSync(path);
    }
    if (await prepareInPlace(path, program)) return path;
    await placeElsewhere(path, program);
  }
}

/** Makes `path` if the account gets there. Our own folders, it and the one above, are opened for passing; what lies in them has modes of its own. */
async function prepareInPlace(path: string, program: PostgresProgram): Promise<boolean> {
  const parent = dirname(path);
  makeOwnFolder(parent);
  letThrough(parent);
  if (!(await program.canReach(parent))) return false;
  makeOwnFolder(path);
  letThrough(path);
  return true;
}

function letThrough(folder: string): void {
  const mode = statSync(folder).mode & 0o7777;
  if ((mode & 0o011) !== 0o011) chmodSync(folder, mode | 0o011);
}

/** Puts a link in the place of `path`. Stopped anywhere, or done by two starts at once, the data is at one of the two places, whole. */
async function placeElsewhere(path: string, program: PostgresProgram): Promise<void> {
  const aside = `${path}.moved`;
  if (!existsSync(path) && existsSync(aside)) renameSync(aside, path);
  const place = newDataFolder(machineFolder());
  try {
    writeFileSync(join(place, LINK_FILE), path, { mode: 0o600 });
    if (hasData(path)) await copyData(path, place, program);
    if (isFolder(path)) putAside(path, aside);
    symlinkSync(place, path);
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    // Another start was faster: look again.
    if (!(error instanceof Error && 'code' in error && RETRIED.includes(String(error.code)))) throw error;
  }
}

/** Throws `EEXIST` if another start was faster and `path` is its link by now. */
function putAside(path: string, aside: string): void {
  renameSync(path, aside);
  if (isFolder(aside)) return;
  renameSync(aside, path);
  throw Object.assign(new Error(`${path} is a link already`), { code: 'EEXIST' });
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function copyData(from: string, to: string, { account }: PostgresProgram): Promise<void> {
  const running = runningPostmaster(join(from, 'data'));
  if (running !== undefined) await stopPostmaster(running, STOP_MS);
  await run('cp', ['-a', `${from}/.`, to]);
  if (account !== undefined) await run('chown', ['-R', `${account.uid}:${account.gid}`, join(to, 'data')]);
  await run('sync', ['-f', to]);
}

/** False if the folder belongs to another link that is still there. A link that was moved is its folder's link from now on. */
function isOwn(path: string, target: string): boolean {
  const file = join(target, LINK_FILE);
  const link = existsSync(file) ? readFileSync(file, 'utf8') : path;
  if (link === path) return true;
  if (linkTarget(link) === target) return false;
  writeFileSync(file, path, { mode: 0o600 });
  return true;
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

function refuseForeign(path: string): void {
  const { uid } = statSync(path);
  if (process.getuid !== undefined && uid !== process.getuid())
    throw new ConfigError([
      `${path} belongs to another account (user id ${uid}): start Parley as that one, or set DATABASE_URL, or start it in a folder of its own.`,
    ]);
}
