import { afterAll, beforeAll, expect, test } from 'vitest';
import { conversationPage } from '#libs/store/conversations.ts';
import { BAN_OF, EVENT_COLUMNS } from '#libs/store/events.ts';
import { UNSEEN_MESSAGES } from '#libs/store/message-log.ts';
import { PAGE_AFTER, PAGE_BEFORE } from '#libs/store/messages.ts';
import { ROOMS_PAGE, STANDING } from '#libs/store/rooms.ts';
import { NAMED } from '#libs/store/seen.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { unseen } from '#libs/store/transaction-log.ts';
import { batchOf } from '#libs/store/upkeep.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

/** What EXPLAIN (FORMAT JSON) gives for each node of a plan, as far as it is looked at. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

const ROOMS = 60;
const MESSAGES = 3000;
const FIRST = Date.UTC(2030, 0, 1);
const LAST = Date.UTC(2030, 3, 1);

let database: PostgresDatabase;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  const store = await openStore({ url: database.url, timeoutMs: 30_000 });
  await store.upkeep.ensurePartitions(FIRST);
  await store.close();
  // 180,000 messages, in the order of their stamps: each room has a thousand in each of three months, and some of no month that has a partition.
  await database.query(
    `INSERT INTO messages (room, "offset", epoch, id, sender, text, at)
     SELECT 'group:' || r, o, 'e', 'id' || o, '{"id":"u","name":"n"}', '"text"', $3::bigint + ($4::bigint - $3::bigint) * (o - 1) / $2::integer
       FROM generate_series(1, $2::integer) o, generate_series(1, $1::integer) r ORDER BY o, r`,
    [ROOMS, MESSAGES, FIRST, LAST],
  );
  await database.query(
    `INSERT INTO messages (room, "offset", epoch, id, sender, text, at)
     SELECT room, "offset" + $1::integer, epoch, id, sender, text, at + $2::bigint FROM messages WHERE "offset" <= 500`,
    [MESSAGES, LAST],
  );
  // As autovacuum does.
  await database.query('VACUUM ANALYZE messages');
});

afterAll(() => database.drop());

/** 30,000, of ten agents; one in a hundred waits, and one has an agent. Made once. */
let conversations: Promise<void> | undefined;
function manyConversations(): Promise<void> {
  conversations ??= (async () => {
    await database.query(
      `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at) SELECT 'conv:' || n, 'conv', '', '', true, n FROM generate_series(1, 30000) n`,
      [],
    );
    await database.query(
      `INSERT INTO conversations (room, subject, state, customer_id, customer_name, agent_id, agent_name, created_at)
       SELECT 'conv:' || n, '', CASE n % 100 WHEN 0 THEN 'queued' WHEN 1 THEN 'assigned' ELSE 'closed' END, 'c' || n, '',
              CASE WHEN n % 100 > 0 THEN 'a' || n % 10 END, CASE WHEN n % 100 > 0 THEN '' END, n FROM generate_series(1, 30000) n`,
      [],
    );
    await database.query('VACUUM ANALYZE conversations');
  })();
  return conversations;
}

async function plan(sql: string, values: readonly unknown[]): Promise<PlanNode[]> {
  const [row] = await database.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, values);
  const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
  const roots = (row?.['QUERY PLAN'] ?? []) as { readonly Plan: PlanNode }[];
  return roots.flatMap(({ Plan }) => flat(Plan));
}

test.each([
  ['before', PAGE_BEFORE, ['group:42', Number.MAX_SAFE_INTEGER, 101, 65_536]],
  ['before, in the middle', PAGE_BEFORE, ['group:42', 1500, 101, 65_536]],
  ['after', PAGE_AFTER, ['group:42', 1500, 100, 65_536]],
])('a page of history is read by index scans in each month: %s', async (_, sql, values) => {
  const nodes = await plan(sql, values);
  const scans = nodes.filter((node) => node['Relation Name'] !== undefined);
  expect(new Set(scans.map((node) => node['Relation Name']))).toContain('messages_2030_02');
  expect(scans.length).toBeGreaterThanOrEqual(4);
  expect(scans.filter((node) => node['Node Type'] !== 'Index Scan')).toEqual([]);
  expect(nodes.map((node) => node['Node Type'])).not.toContain('Sort');
  // No more is read than the page and a row of each partition to merge by.
  expect(scans.reduce((sum, node) => sum + (node['Actual Rows'] ?? 0), 0)).toBeLessThanOrEqual(101 + scans.length);
});

test('[R2] whether a user is a member reads one row, however many members a group has', async () => {
  const members = 1000;
  await database.query(
    `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at)
     SELECT 'group:' || n, 'group', '', '', true, 1 FROM generate_series(1, 20) n UNION ALL SELECT 'dm:' || n, 'dm', '', '', true, 1 FROM generate_series(1, 100) n`,
    [],
  );
  await database.query(
    `INSERT INTO room_members (room, user_id, name)
     SELECT 'group:' || r, 'u' || u, 'n' FROM generate_series(1, 20) r, generate_series(1, $1::integer) u
     UNION ALL SELECT 'dm:' || r, 'u' || u, 'n' FROM generate_series(1, 100) r, generate_series(r, r + 1) u`,
    [members],
  );
  await database.query('VACUUM ANALYZE rooms, room_members');
  // All members of one group ask at once, as after a lost connection; and a crowd of direct rooms.
  for (const [kind, rows] of [
    ['group', 1],
    ['dm', 3],
  ] as const) {
    const rooms = Array.from({ length: 500 }, (_, i) => `${kind}:${kind === 'group' ? 7 : (i % 100) + 1}`);
    const nodes = await plan(STANDING, [rooms, rooms.map((_, i) => `u${i + 1}`)]);
    const read = nodes
      .filter((node) => node['Relation Name'] === 'room_members')
      .reduce((sum, node) => sum + (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 1), 0);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(rooms.length * rows);
    expect(nodes.filter((node) => node['Relation Name'] === 'room_members').map((node) => node['Node Type'])).not.toContain('Seq Scan');
  }
});

test('[A13] whether one user is banned is looked up by an index, not in all that is revoked', async () => {
  await database.query(
    `INSERT INTO sanctions (kind, subject, reason, at, until)
     SELECT CASE n % 4 WHEN 0 THEN 'ban' ELSE 'login' END, 'u' || n, '', 1, 1000000 FROM generate_series(1, 20000) n`,
    [],
  );
  await database.query('VACUUM ANALYZE sanctions');
  const nodes = await plan(BAN_OF, ['u4', 5]);
  const read = nodes.filter((node) => node['Relation Name'] === 'sanctions');
  expect(read.map((node) => node['Index Name'])).toEqual(['sanctions_bans']);
  expect(read.map((node) => [node['Actual Rows'], node['Rows Removed by Filter'] ?? 0])).toEqual([[1, 0]]);
});

test('[R7] a look at the log of rooms reads what is new by an index, not the week that is kept', async () => {
  await database.query("INSERT INTO events (room, kind) SELECT 'group:' || n, 'room_changed' FROM generate_series(1, 20000) n", []);
  const [row] = await database.query('SELECT pg_current_snapshot()::text AS snapshot', []);
  await database.query("INSERT INTO events (room, kind) VALUES ('group:new', 'room_changed')", []);
  await database.query('VACUUM ANALYZE events');
  const nodes = await plan(unseen('events', EVENT_COLUMNS, '', '1001'), [row?.['snapshot'], ['room_changed']]);
  const scans = nodes.filter((node) => node['Relation Name'] === 'events');
  expect(scans.map((node) => node['Node Type'])).toEqual(['Index Scan']);
  expect(scans.map((node) => node['Actual Rows'])).toEqual([1]);
});

test('[M1] a look at the messages of all rooms reads what is new by an index, not all that are kept', async () => {
  const [row] = await database.query('SELECT pg_current_snapshot()::text AS snapshot', []);
  await database.query(
    `INSERT INTO messages (room, "offset", epoch, id, sender, text, at) VALUES ('group:1', 900000, 'e', 'new', '{}', '"x"', $1)`,
    [FIRST],
  );
  await database.query('VACUUM ANALYZE messages');
  const nodes = await plan(UNSEEN_MESSAGES, [row?.['snapshot'], [], []]);
  const read = nodes.filter((node) => node['Relation Name']?.startsWith('messages_') === true && (node['Actual Loops'] ?? 0) > 0);
  expect(read.map((node) => node['Index Name'])).toContain('messages_2030_01_xid_idx');
  // Of each partition one row at most: the new one, and the one below it.
  for (const node of read) expect((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)).toBeLessThanOrEqual(1);
});

test('people are looked up by the beginning of their name by an index scan', async () => {
  await database.query(
    `INSERT INTO seen (user_id, name, kind, last_seen) SELECT 'u' || n, 'Name ' || md5(n::text), 'user', n FROM generate_series(1, 50000) n`,
    [],
  );
  await database.query('ANALYZE seen');
  const nodes = await plan(NAMED, ['name c4ca', 20, '', '']);
  expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
  expect(nodes.filter((node) => node['Relation Name'] === 'seen').reduce((sum, node) => sum + (node['Actual Rows'] ?? 0), 0)).toBeLessThan(
    20,
  );
  // However many have such a name: a page is read from its place on.
  const common = await plan(NAMED, ['name', 20, 'name 7', 'u7']);
  expect(common.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan']);
  expect(common.map((node) => node['Actual Rows'])).toEqual([20, 20]);
});

test.each([
  ['queued', { state: 'queued' }],
  ['assigned', { state: 'assigned' }],
  ['of an agent', { agent: 'a7' }],
  ['closed, of an agent', { agent: 'a7', state: 'closed' }],
  ['all', {}],
] as const)('[A16] a page of conversations is read in the order of an index, from its place on: %s', async (_, filter) => {
  await manyConversations();
  for (const after of [undefined, { createdAt: 20_000, seq: 20_000 }]) {
    const { sql, values } = conversationPage({ ...filter, after, limit: 20 });
    const nodes = await plan(sql, values);
    expect(nodes.map((node) => node['Node Type'])).not.toContain('Sort');
    const scans = nodes.filter((node) => node['Relation Name'] === 'conversations');
    expect(scans.map((node) => node['Node Type'])).toEqual(['Index Scan']);
    expect(scans.map((node) => [node['Actual Rows'], node['Rows Removed by Filter'] ?? 0])).toEqual([[21, 0]]);
  }
});

test('[A16] a page of rooms reads the rooms of the user alone, by indexes', async () => {
  await database.query(
    `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at) SELECT 'group:list' || n, 'group', '', '', true, n FROM generate_series(1, 30000) n`,
    [],
  );
  await database.query("INSERT INTO room_tops (room, top, at) SELECT 'group:list' || n, 1, n FROM generate_series(1, 30000) n", []);
  await database.query(
    `INSERT INTO room_members (room, user_id, name) SELECT 'group:list' || n, 'reader' || n % 1500, '' FROM generate_series(1, 30000) n`,
    [],
  );
  await database.query('VACUUM ANALYZE rooms, room_members, room_tops');
  for (const place of [
    [null, null, null],
    [29_000, 15_000, 'group:list15000'],
  ]) {
    const nodes = await plan(ROOMS_PAGE, ['reader7', ...place, 6, false]);
    const read = nodes.filter((node) => ['rooms', 'room_members', 'room_tops'].includes(node['Relation Name'] ?? ''));
    expect(read.length).toBeGreaterThan(3);
    expect(read.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
    for (const node of read) expect((node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 1)).toBeLessThanOrEqual(20);
    // What is unread is counted in the rooms of the page alone.
    expect(nodes.find((node) => node['Node Type'] === 'Limit')?.['Actual Rows']).toBe(6);
    const counted = nodes.filter((node) => node['Node Type'] === 'Aggregate');
    expect(counted.map((node) => node['Actual Loops'])).toEqual([6]);
  }
});

test('messages that are too old are found by the index of stamps, and deleted by their places', async () => {
  // The first twenty of each room.
  const nodes = await plan(batchOf('messages', 'at < $1'), [FIRST + ((LAST - FIRST) / MESSAGES) * 20]);
  const reads = nodes.filter(
    (node) => ['messages_2030_01', 'messages_default'].includes(node['Relation Name'] ?? '') && node['Node Type'] !== 'ModifyTable',
  );
  expect(new Set(reads.map((node) => node['Node Type']))).toEqual(new Set(['Bitmap Heap Scan', 'Tid Scan']));
  expect(nodes.flatMap((node) => node['Index Name'] ?? [])).toContain('messages_2030_01_at_idx');
  expect(nodes.map((node) => node['Relation Name'])).not.toContain('messages_2030_02');
  expect(await database.query('SELECT min("offset")::integer AS first FROM messages WHERE room = $1', ['group:1'])).toEqual([
    { first: 21 },
  ]);
});
