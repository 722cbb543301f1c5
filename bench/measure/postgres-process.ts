import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { LOAD_CORE, pin } from './process.ts';

/** A commit is on the disk before it is reported, as in production. */
const DURABLE = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', shared_buffers: '256MB' };

let server: Promise<PostgresServer> | undefined;

/**
 * A migrated, empty database. All are in one PostgreSQL of the bench's own, on the load's core. It
 * starts with the first of them.
 */
export async function makeDatabase(): Promise<PostgresDatabase> {
  server ??= startPinned();
  return PostgresDatabase.create({ adminUrl: (await server).url });
}

/** Ends PostgreSQL, if one was started, and removes its files. */
export async function stopPostgres(): Promise<void> {
  // A start that failed was reported to its caller.
  await (await server?.catch(() => undefined))?.stop();
  server = undefined;
}

async function startPinned(): Promise<PostgresServer> {
  const started = await startPostgres(DURABLE);
  try {
    pin(started.pid, LOAD_CORE);
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}
