import { readFile } from 'node:fs/promises';
import { PG_MIGRATE_LOCK_ID } from 'node-pg-migrate';
import pg from 'pg';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { migrate } from '#libs/store/migrate.ts';
import { TABLES } from '#libs/store/statement-names.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

const databases: PostgresDatabase[] = [];

afterEach(async () => {
  await Promise.all(databases.splice(0).map((database) => database.drop()));
});

async function emptyDatabase(): Promise<PostgresDatabase> {
  const database = await PostgresDatabase.create({ empty: true });
  databases.push(database);
  return database;
}

test('five that start at once on an empty database run each migration once', async () => {
  const database = await emptyDatabase();
  const ran = await Promise.all(Array.from({ length: 5 }, () => migrate(database.url)));
  const once = ran.flat();
  expect(once.length).toBeGreaterThan(0);
  expect(new Set(once).size).toBe(once.length);
  const recorded = await database.query('SELECT name FROM schema_migrations ORDER BY id');
  expect(recorded.map(({ name }) => name)).toEqual(once);
});

test('a second run changes nothing and tells nothing', async () => {
  const database = await emptyDatabase();
  await migrate(database.url);
  const lines: string[] = [];
  expect(await migrate(database.url, { log: (line) => lines.push(line) })).toEqual([]);
  expect(lines).toEqual([]);
});

test('the months of now and of the next two have partitions', async () => {
  const database = await emptyDatabase();
  await migrate(database.url, { now: () => Date.UTC(2031, 10, 15) });
  // Each table may stand in the name of a statement of metrics.
  const tables = await database.query(
    "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace",
  );
  expect(tables.map(({ name }) => String(name)).filter((name) => name !== 'schema_migrations' && !TABLES.has(name))).toEqual([]);
  const names = await database.query("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'messages'::regclass");
  expect(names.map(({ name }) => name).toSorted()).toEqual([
    'messages_2031_11',
    'messages_2031_12',
    'messages_2032_01',
    'messages_default',
  ]);
});

test('[R3] rooms that kept history before it was known since when, kept it from their first moment on', async () => {
  const database = await emptyDatabase();
  const run = async (name: string) =>
    database.query(await readFile(new URL(`../../libs/store/migrations/${name}.sql`, import.meta.url), 'utf8'));
  for (const name of ['001_schema', '002_seen_names']) await run(name);
  await database.query(
    `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at) VALUES ('dm:a', 'dm', '', '', true, 5), ('pair:b', 'pair', '', '', false, 6)`,
  );
  await run('003_history');
  expect(await database.query('SELECT room, history_from FROM rooms ORDER BY room')).toEqual([
    { room: 'dm:a', history_from: '5' },
    { room: 'pair:b', history_from: null },
  ]);
});

test('[A3] of two old names that are one by the key the older has it; both stay, and are found by their own spelling', async () => {
  const database = await PostgresDatabase.create();
  onTestFinished(() => database.drop());
  const add = (table: 'users' | 'agents', id: string, name: string, key: string, made: number) =>
    table === 'users'
      ? database.query(`INSERT INTO users (id, name, name_key, mail, mail_key, created_at) VALUES ($1, $2, $3, $1, $1, to_timestamp($4))`, [
          id,
          name,
          key,
          made,
        ])
      : database.query(`INSERT INTO agents (id, name, name_key, password_hash, created_at) VALUES ($1, $2, $3, 'x', to_timestamp($4))`, [
          id,
          name,
          key,
          made,
        ]);
  await add('users', 'younger', 'ali\u200bce', 'ali\u200bce', 30);
  await add('users', 'older', 'Alice', 'alice', 20);
  await add('agents', 'agent', 'Max', 'max', 20);
  await add('users', 'max', 'Max', 'max', 10);
  for (let again = 0; again < 2; again += 1) await migrate(database.url);
  const taken = await database.query('SELECT name_key, owner FROM taken_names ORDER BY name_key');
  expect(taken).toEqual([
    { name_key: 'alice', owner: 'older' },
    { name_key: 'max', owner: 'max' },
  ]);
  const store = await openStore({ url: database.url, timeoutMs: 20_000 });
  onTestFinished(() => store.close());
  expect((await store.users.byName('ALICE'))?.id).toBe('older');
  expect((await store.users.byName('ali\u200bce'))?.id).toBe('younger');
  expect((await store.agents.byName('max'))?.id).toBe('agent');
  expect(await store.users.create({ id: 'new', name: 'al\u00adice', mail: 'new@example.org' })).toBe('name-taken');
  // A node of an earlier version goes on registering after the migration.
  await add('users', 'late', 'Dora', 'dora', 40);
  expect(await store.names.isTaken('Dora')).toBe(false);
  for (let again = 0; again < 2; again += 1) await store.names.enterMissing();
  expect(await store.names.isTaken('DORA')).toBe(true);
  expect(await store.agents.create({ id: 'second', name: 'd\u00adora', passwordHash: 'x' })).toBe('name-taken');
});

test('one that waits for another says so at once, naming who holds the lock, and goes on when it is free', async () => {
  const database = await emptyDatabase();
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  const { rows } = await holder.query('SELECT pg_backend_pid() AS pid, pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
  const lines: string[] = [];
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const migrating = migrate(database.url, {
    waiting: (line) => {
      lines.push(line);
      tell();
    },
  });
  await told.finally(() => holder.end());
  expect(lines[0]).toBe(`waiting: another process migrates this database (PostgreSQL's process ${rows[0].pid} holds the lock).`);
  expect((await migrating).length).toBeGreaterThan(0);
});

test('an error shows no password', async () => {
  const url = 'postgres://someone:s3cretword@127.0.0.1:1/nowhere';
  const error = await migrate(url).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('s3cretword');
});

test('a schema that lacks the last migration is older than the version, one with a later migration is not', async () => {
  const database = await emptyDatabase();
  const names = await migrate(database.url);
  const store = await openStore({ url: database.url });
  onTestFinished(() => store.close());
  await database.query("INSERT INTO schema_migrations (name, run_on) VALUES ('999_later', now())");
  await store.checkSchema();
  const last = names.at(-1) ?? '';
  await database.query(`DELETE FROM schema_migrations WHERE name = '${last}'`);
  await expect(store.checkSchema()).rejects.toThrow(`run npm run migrate (${last} is missing)`);
});
