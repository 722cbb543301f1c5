import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PinnedProcess, SERVER_CORE } from './process.ts';

/** The message if pgbench is missing. */
export const PGBENCH_MISSING = 'pgbench is not installed (Debian: apt-get install postgresql-contrib): going on without the limit it shows';

/** How rows are stored in PostgreSQL, and over how many connections. */
export interface PgbenchRun {
  readonly url: string;
  /** Rows of one statement, which is one commit. */
  readonly rows: number;
  /** Connections. Each sends its next statement after its last commit. */
  readonly clients: number;
  readonly seconds: number;
}

/** Whether pgbench is installed. */
export function hasPgbench(): boolean {
  return spawnSync('pgbench', ['--version']).status === 0;
}

/**
 * The statement. Its rows have the size and shape of the bench's messages and go into the table of
 * messages alone. Each connection has a room of its own. It has no colon: to pgbench a colon begins
 * a variable.
 */
export function insertScript(rows: number): string {
  return [
    'INSERT INTO messages (room, "offset", epoch, id, sender, text, data, at)',
    `SELECT concat('group-pgbench-', pg_backend_pid()), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) * 1000 + n,`,
    `  'epoch-of-the-bench', left(md5(concat(n, clock_timestamp())), 22), repeat('s', 28), repeat('x', 130), NULL,`,
    `  CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) FROM generate_series(1, ${rows}) AS n;\n`,
  ].join(' ');
}

/**
 * Rows stored a second. The client runs on the servers' core, as the gateways do. @throws Error if
 * pgbench fails.
 */
export async function runPgbench({ url, rows, clients, seconds }: PgbenchRun): Promise<number> {
  const script = join(tmpdir(), `parley-pgbench-${process.pid}.sql`);
  writeFileSync(script, insertScript(rows));
  const options = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '1', '-T', String(seconds), '-f', script];
  const pgbench = PinnedProcess.program('pgbench', SERVER_CORE, ['pgbench', ...options, url]);
  try {
    return rows * (await pgbench.line(transactionsPerSecond));
  } finally {
    await pgbench.stop();
    rmSync(script, { force: true });
  }
}

/** The figure of the line that has it; undefined for any other line. */
export function transactionsPerSecond(line: string): number | undefined {
  const told = /^tps = ([\d.]+)/.exec(line)?.[1];
  return told === undefined ? undefined : Number(told);
}
