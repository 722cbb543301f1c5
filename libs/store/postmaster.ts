/** A running PostgreSQL server as its data folder tells of it. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/**
 * The server that runs on a data folder, by its `postmaster.pid`; undefined if none does. A file that is left from before, whose process id another
 * program has now (a container that was started again), is removed: PostgreSQL would refuse to start because of it.
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

/** Ends a server: breaks off what runs and writes everything down; after `patienceMs` without the tidying, which the next start then does. */
export async function stopPostmaster({ pid }: Postmaster, patienceMs: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    signalPostmaster(pid, signal);
    if (await gone(pid, patienceMs)) return;
  }
}

/** Whether a process has ended within a time. */
export async function gone(pid: number, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Nothing happens if it has ended. `SIGINT` breaks off what runs, writes everything down, ends. */
export function signalPostmaster(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Whether a process runs; one that has ended and waits to be collected does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // One that ended while nobody asks for its exit code is no server any more.
  return !/^State:\s+Z/m.test(procFile(pid, 'status') ?? '');
}

/** Whether it is known (on Linux) that the process is something else than a PostgreSQL server. */
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
