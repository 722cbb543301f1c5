import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '#libs/store/database.ts';
import { PgBouncer } from '#test/support/pgbouncer.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

const TIMEOUT_MS = 5000;
const SQL = 'SELECT $1::integer AS n';
const PREPARED = `SELECT name FROM pg_prepared_statements WHERE name = 'numbers'`;

let database: PostgresDatabase;

beforeAll(async () => {
  database = await PostgresDatabase.create({ empty: true });
});

afterAll(() => database.drop());

/** One connection, so that each statement is sent to the same server process. */
function open(url: string): Database {
  return new Database({ url, pool: 'general', poolSize: 1, timeoutMs: TIMEOUT_MS });
}

async function ask(store: Database, n: number): Promise<unknown> {
  return (await store.query(SQL, [n], { name: 'numbers' }))[0];
}

test('a statement with a name is prepared once on its connection', async () => {
  const store = open(database.url);
  expect([await ask(store, 1), await ask(store, 2)]).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await store.query(PREPARED)).toEqual([{ name: 'numbers' }]);
  await store.close();
});

test('in a transaction, too', async () => {
  const store = open(database.url);
  await store.transaction((query) => query(SQL, [1], 'numbers'));
  expect(await store.query(PREPARED)).toEqual([{ name: 'numbers' }]);
  await store.close();
});

test.each(['transaction', 'session'])('behind pgbouncer (%s) nothing has a name, though the sessions have their limits', async (mode) => {
  // The limit of `timeoutMs`, so that a missing one does not give the pooler away.
  await database.query(`ALTER DATABASE ${database.name} SET statement_timeout = ${TIMEOUT_MS - 250}`);
  const bouncer = await PgBouncer.start(database.url, {
    pool_mode: mode,
    ignore_startup_parameters: 'statement_timeout,idle_in_transaction_session_timeout',
  });
  const store = open(bouncer.urlOf(database.url));
  expect([await ask(store, 1), await ask(store, 2)]).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await store.query(PREPARED)).toEqual([]);
  await store.close();
  await bouncer.stop();
});

test('if another process of the server is behind the connection, one call fails and the next ones use no name', async () => {
  const store = open(database.url);
  await ask(store, 1);
  await store.query('DEALLOCATE ALL');
  await expect(ask(store, 2)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  expect([await ask(store, 3), await ask(store, 4)]).toEqual([{ n: 3 }, { n: 4 }]);
  expect(await store.query(PREPARED)).toEqual([]);
  await store.close();
});
