/**
 * How many files this process may open and has open, and how many connections fit. Each socket is an
 * open file.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { ConfigError } from '#libs/config/config.ts';

/** Files reserved for the admin port, the backends and the log: the larger of the two values. */
const RESERVE_MIN = 64;
const RESERVE_SHARE = 0.02;

/**
 * Returns the limit of open files of this process; `Infinity` if there is none. Node raises its
 * soft limit to the hard one at start.
 */
export function openFilesLimit(): number {
  let limit: string | undefined;
  try {
    limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  } catch {
    limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  }
  const files = Number(limit);
  return Number.isSafeInteger(files) ? files : Number.POSITIVE_INFINITY;
}

/** Returns the number of open files; undefined if it cannot be read. O(open files). */
export function openFiles(): number | undefined {
  try {
    return readdirSync('/dev/fd').length;
  } catch {
    return undefined;
  }
}

function reserveOf(limit: number): number {
  return Math.max(RESERVE_MIN, Math.ceil(limit * RESERVE_SHARE));
}

/**
 * Returns the number of connections that a process with this limit of open files may have. That is
 * `wanted`, or the limit less the reserve if `wanted` is 0. A limit of 1,024 files leaves 960
 * connections, one of 100,000 leaves 98,000.
 *
 * @throws ConfigError if `wanted` is higher, or if the limit leaves no connection.
 */
export function connectionsFor(wanted: number, limit: number): number {
  if (limit === Number.POSITIVE_INFINITY) return wanted === 0 ? limit : wanted;
  const reserve = reserveOf(limit);
  const most = limit - reserve;
  if (most < 1)
    throw new ConfigError([
      `This process may open ${limit} files, and ${reserve} are reserved for other uses than connections: raise the limit (ulimit -n, LimitNOFILE).`,
    ]);
  if (wanted > most)
    throw new ConfigError([
      `CONNECTIONS_MAX takes at most ${most} here, not ${wanted}: this process may open ${limit} files, and ${reserve} are reserved for other uses. Raise the limit (ulimit -n, LimitNOFILE) or lower CONNECTIONS_MAX.`,
    ]);
  return wanted === 0 ? most : wanted;
}
