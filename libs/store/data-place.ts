/**
 * Where the embedded database keeps its data: in the project's `.data`. If PostgreSQL's account
 * cannot get there, a link in `.data` leads to the data.
 */
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

/** A file in a folder outside the project: the path of the link that leads to it. */
const LINK_FILE = 'used-by';
const STOP_MS = 20_000;
/** Error codes of a step that a concurrent start did first. */
const RETRIED: readonly string[] = ['EEXIST', 'ENOENT', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY'];
/** Error codes of a folder that this process cannot write to. */
const UNWRITABLE = ['EROFS', 'EACCES', 'EPERM'];

/** Whether a folder has a database. */
export function hasData(folder: string): boolean {
  return existsSync(join(folder, 'data', 'PG_VERSION'));
}

/**
 * For root: the account that existing data belongs to, if it is not root. PostgreSQL serves only
 * data of the account it runs as.
 */
export function ownerOfData(path: string): SystemAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const stats = statSync(join(path, 'data'), { throwIfNoEntry: false });
  return stats === undefined || stats.uid === 0 ? undefined : { uid: stats.uid, gid: stats.gid };
}

/**
 * Returns the folder to use for `path`, and makes it.
 *
 * It is `path` itself if the programs run as this process does, or if their account can reach
 * `path`. Otherwise it is a new folder of this machine: `path` becomes a link to it, and data in
 * `path` moves along. A copied project gets a folder of its own; a moved project keeps its folder.
 *
 * Throws `ConfigError` if a folder is gone, belongs to another account or cannot be written to.
 */
export async function dataPlace(path: string, program: PostgresProgram, report: (line: string) => void): Promise<string> {
  try {
    const place = await findPlace(path, program, report);
    accessSync(place, constants.W_OK);
    return place;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!UNWRITABLE.includes(code)) throw error;
    throw new ConfigError([
      `DATABASE_URL is not set, and ${path} cannot hold a database (${code}): set DATABASE_URL, or make the folder writable.`,
    ]);
  }
}

async function findPlace(path: string, program: PostgresProgram, report: (line: string) => void): Promise<string> {
  for (;;) {
    const target = linkTarget(path);
    if (target !== undefined && !existsSync(target))
      throw new ConfigError([
        `${path} is a link to the database in ${target}, which is gone: restore it, remove ${path} to start with an empty database, or set DATABASE_URL.`,
      ]);
    if (program.account === undefined) {
      makeOwnFolder(path);
      refuseForeign(path);
      return path;
    }
    if (target !== undefined) {
      if (isOwn(path, target)) return target;
      report(`${path} is a copied link: another folder uses the database in ${target}. This folder gets a new one.`);
      rmSync(path);
    }
    if (await prepareInPlace(path, program)) return path;
    await placeElsewhere(path, program);
  }
}

/**
 * Makes `path` if the account can get there. Lets others pass through `path` and the folder above,
 * which are ours. The files inside keep their modes.
 */
async function prepareInPlace(path: string, program: PostgresProgram): Promise<boolean> {
  const parent = dirname(path);
  makeOwnFolder(parent);
  allowPassing(parent);
  if (!(await program.canReach(parent))) return false;
  makeOwnFolder(path);
  allowPassing(path);
  return true;
}

function allowPassing(folder: string): void {
  const mode = statSync(folder).mode & 0o7777;
  if ((mode & 0o011) !== 0o011) chmodSync(folder, mode | 0o011);
}

/**
 * Replaces `path` by a link. If it is interrupted, or if two starts do it at once, one of the two
 * places has the whole data.
 */
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
    // A concurrent start was faster: look again.
    if (!(error instanceof Error && 'code' in error && RETRIED.includes(String(error.code)))) throw error;
  }
}

/** Throws `EEXIST` if a concurrent start made `path` a link. */
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

/**
 * False if the folder belongs to another link that still exists. If a link was moved, the folder
 * now belongs to the new path.
 */
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
      `${path} belongs to another account (user id ${uid}): start Parley as that account or in a folder of its own, or set DATABASE_URL.`,
    ]);
}
