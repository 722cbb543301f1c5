/** How many files this process may open, and how many of them connections get. Each socket is a file. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { ConfigError } from '#libs/config/config.ts';

/** Kept for the admin port, the backends and the log: the larger of the two. */
const RESERVE_MIN = 64;
const RESERVE_SHARE = 0.02;

/** The limit of open files of this process; `Infinity` if it has none. Node has raised its soft limit to the hard one by now. */
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

/** Files that are open now; undefined if that cannot be told. O(open files). */
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
 * Connections that a process with this limit of open files may have: `wanted`, or, if that is 0, the limit less the reserve. A limit of 1,024 files leaves 960
 * connections, one of 100,000 leaves 98,000. Throws `ConfigError` if more are wanted, or if the limit leaves none.
 */
export function connectionsFor(wanted: number, limit: number): number {
  if (limit === Number.POSITIVE_INFINITY) return wanted === 0 ? limit : wanted;
  const reserve = reserveOf(limit);
  const most = limit - reserve;
  if (most < 1)
    throw new ConfigError([
      `This process may open ${limit} files, and ${reserve} are kept for other things than connections: raise the limit (ulimit -n, LimitNOFILE).`,
    ]);
  if (wanted > most)
    throw new ConfigError([
      `CONNECTIONS_MAX takes at most ${most} here, not ${wanted}: this process may open ${limit} files, and ${reserve} are kept for other things. Raise the limit (ulimit -n, LimitNOFILE) or lower CONNECTIONS_MAX.`,
    ]);
  return wanted === 0 ? most : wanted;
}
