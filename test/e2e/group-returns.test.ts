import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PostgresDatabase } from '#test/support/postgres.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

/** People who lose their connections at the same moment. */
const PEOPLE = 100;
/** Members of their group. */
const MEMBERS = 1000;
/**
 * Rows of members that all may read while they come in twice: about five each, whatever the size of
 * the group.
 */
const ROWS_MAX = 20 * PEOPLE;
const MEMBERSHIPS = 'statement="select rooms"';
/** Nearly all ask in the same moment. A slow machine spreads them. */
const MEMBERSHIPS_MAX = PEOPLE / 5;

let hub: TestHub<RedisServer>;

beforeAll(async () => {
  hub = await TestHub.single({ gateways: 0 });
});

afterAll(() => hub.stop());
TestHub.showLogs(() => hub);

async function makeGroup(database: PostgresDatabase, room: string, members: number): Promise<void> {
  await database.query(
    `INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at) VALUES ($1, 'group', '', '', true, 1, 1)`,
    [room],
  );
  await database.query(`INSERT INTO room_members (room, user_id, name) SELECT $1, $1 || n, '' FROM generate_series(0, $2::integer - 1) n`, [
    room,
    members,
  ]);
}

/** Rows of members that were read so far. Processes of the server report theirs at their end. */
async function rowsRead({ database }: TestHub<RedisServer>): Promise<number> {
  await until(
    async () =>
      (await database.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'parley' AND datname = $1`, [database.name]))
        .length === 0,
  );
  const [row] = await database.query(
    `SELECT (t.seq_tup_read + (SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid))::integer AS rows
       FROM pg_stat_user_tables t WHERE t.relname = 'room_members'`,
  );
  return Number(row?.['rows']);
}

test(`[R2] if ${PEOPLE} of ${MEMBERS} members lose their connections at once, a few statements ask for all, a row for each`, async () => {
  const room = 'group:returns-';
  await makeGroup(hub.database, room, MEMBERS);
  await hub.database.query('VACUUM ANALYZE rooms, room_members');
  const rowsBefore = await rowsRead(hub);
  const gateway = await hub.add();
  const asked = async (): Promise<number> =>
    // A kept connection to the admin port may just have ended.
    (await until(async () => ({ count: await gateway.metric('parley_store_statement_seconds_count', MEMBERSHIPS) }))).count;
  const index = hub.gateways.indexOf(gateway);
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => hub.client(`${room}${i}`, index, { record: false })));
  await Promise.all(people.map((person) => person.join(room)));
  const [first] = people;
  await first?.message(room, 'before');
  const before = await asked();
  for (const person of people) person.reset();
  await Promise.all(people.map((person) => person.reconnect()));
  const memberships = (await asked()) - before;
  expect(memberships).toBeGreaterThan(0);
  expect(memberships).toBeLessThanOrEqual(MEMBERSHIPS_MAX);
  await gateway.term();
  const rows = (await rowsRead(hub)) - rowsBefore;
  expect(rows).toBeGreaterThanOrEqual(2 * PEOPLE);
  expect(rows).toBeLessThanOrEqual(ROWS_MAX);
});
