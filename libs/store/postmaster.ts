/** A running PostgreSQL server, found by its data folder. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/** A running server: its process, and its port on 127.0.0.1. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/**
 * The server that runs on a data folder, by its `postmaster.pid`. Undefined if none runs. Removes a
 * stale file whose process id another program has now, as in a restarted container: PostgreSQL
 * would refuse to start.
 */
export function runningPostmaster(folder: string): Postmaster | undefined {
  const file = join(folder, 'postmaster.pid');
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  if (isForeign(pid)) {
    rmSync(file, { force: true });
    return undefined;
  }
  return { pid, port };
}

/**
 * Ends a server. First it aborts running work and writes everything to disk; after `patienceMs` it
 * ends without the clean-up, which the next start then does.
 */
export async function stopPostmaster({ pid }: Postmaster, patienceMs: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    signalPostmaster(pid, signal);
    if (await hasEnded(pid, patienceMs)) return;
  }
}

/** Resolves with true once a process has ended, with false after `timeoutMs`. */
export async function hasEnded(pid: number, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/**
 * Does nothing if the process has ended. `SIGINT`: the server aborts running work, writes
 * everything to disk and ends.
 */
export function signalPostmaster(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Whether a process runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // A zombie: it has ended, and its parent has not collected it.
  return !/^State:\s+Z/m.test(procFile(pid, 'status') ?? '');
}

/** Whether the process is known to be another program than PostgreSQL. Linux only. */
function isForeign(pid: number): boolean {
  const command = procFile(pid, 'cmdline');
  return command !== undefined && command !== '' && !/postgres/.test(command.split('\0')[0] ?? '');
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
