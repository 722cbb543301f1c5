/** Starts one PostgreSQL for all projects of a vitest run that ask for it. */
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';
import type { PostgresServer } from './postgres-server.ts';

/** Each project loads this file again. Their shared state is on the global object. */
interface Shared {
  users: number;
  readonly server: Promise<PostgresServer>;
}

const KEY = Symbol.for('parley.test.postgres');
const place = globalThis as { [KEY]?: Shared };

/** Starts the server for the first project that asks. */
export async function setup(project: TestProject): Promise<void> {
  place[KEY] ??= { users: 0, server: startPostgres() };
  const shared = place[KEY];
  shared.users += 1;
  project.provide('postgresUrl', (await shared.server).url);
}

/** Stops the server after the last project. */
export async function teardown(): Promise<void> {
  const shared = place[KEY];
  if (shared === undefined) return;
  shared.users -= 1;
  if (shared.users > 0) return;
  delete place[KEY];
  await (await shared.server).stop();
}
