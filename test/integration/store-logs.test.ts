import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type StoredEvent, storedEvent } from '#libs/events/events.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { ALL_KINDS } from '#test/support/stored-events.ts';

let database: PostgresDatabase;
let store: Store;
let mark: string;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 20_000 });
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

beforeEach(async () => {
  ({ mark } = await store.events.since(undefined, ALL_KINDS));
});

const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob', name: 'Bob' };
const cleo = { id: 'cleo', name: 'Cleo' };

/** The events that were committed since the last look. */
async function events(kinds: readonly string[] = ALL_KINDS): Promise<readonly StoredEvent[]> {
  const page = await store.events.since(mark, kinds);
  mark = page.mark;
  return page.entries.map(storedEvent);
}

/** As a line each: the kind, the room, the users, and the payload if there is one. */
async function lines(): Promise<string[]> {
  return (await events()).map(({ kind, room, users, payload }) => {
    const said = JSON.stringify(payload);
    return [kind, room, users.join(), said === '{}' ? undefined : said].filter((part) => part !== undefined && part !== '').join(' ');
  });
}

async function withClient(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

let serial = 0;

async function room(kind: 'group' | 'dm' | 'pair', members = [ada, bob]): Promise<string> {
  serial += 1;
  const name = `${kind}:${serial}`;
  const record = { room: name, kind, title: '', owner: 'ada', keepHistory: true, createdAt: 1, expiresAt: 1000 };
  await store.rooms.create(record, members);
  return name;
}

describe('stored events', () => {
  test('[R7] tell what becomes of rooms and who is in them, once for each write that changes something', async () => {
    const group = await room('group');
    const pair = await room('pair');
    expect(await lines()).toEqual([`room_opened ${group} ada,bob`, `room_opened ${pair} ada,bob`]);
    await store.rooms.update(group, { title: 'other', expiresAt: 2000 }, 5);
    await store.rooms.removeMembers(group, ['none']);
    await store.rooms.close('group:none', 'closed', 5);
    expect(await lines()).toEqual([]);
    await store.rooms.addMembers(group, [bob, cleo], 1000);
    await store.rooms.removeMembers(group, ['bob']);
    await store.rooms.update(group, { keepHistory: false }, 5);
    expect(await lines()).toEqual([
      `member_joined ${group} cleo`,
      `member_left ${group} bob`,
      `room_changed ${group} {"keepHistory":false}`,
    ]);
    await store.rooms.close(group, 'expired', 5000);
    await store.rooms.close(group, 'closed', 5000);
    await store.rooms.close(pair, 'closed', 5);
    expect(await lines()).toEqual([`room_closed ${group} {"reason":"expired"}`, `room_closed ${pair} ada,bob {"reason":"closed"}`]);
  });

  test('[R7] [A10] tell of a conversation that changes hands, and who came into it', async () => {
    await store.conversations.open({ room: 'conv:1', subject: 'Help', customer: cleo, now: 1, further: false, openMax: 3 });
    const conversation = (users: string, state: string, agent?: { id: string; name: string }) =>
      `conversation conv:1 ${users} ${JSON.stringify({ agent, state, subject: 'Help', customer: cleo })}`;
    const sorted = async () => (await lines()).toSorted();
    expect(await sorted()).toEqual([conversation('cleo', 'queued'), 'room_opened conv:1 cleo'].map(keysSorted));
    await store.conversations.assign('conv:1', [ada]);
    expect(await lines()).toEqual(['member_joined conv:1 ada', conversation('ada,cleo', 'assigned', ada)].map(keysSorted));
    await store.conversations.assign('conv:1', [bob]);
    expect(await lines()).toEqual(
      ['member_left conv:1 ada', 'member_joined conv:1 bob', conversation('ada,bob,cleo', 'assigned', bob)].map(keysSorted),
    );
    await store.conversations.reassign('conv:1', 'bob', []);
    expect(await lines()).toEqual(['member_left conv:1 bob', conversation('bob,cleo', 'queued')].map(keysSorted));
    await store.rooms.close('conv:1', 'closed', 5);
    expect(await sorted()).toEqual([conversation('cleo', 'closed'), 'room_closed conv:1 cleo {"reason":"closed"}'].map(keysSorted));
  });

  test('[A9] tell who of a pair wants history, after the pair itself, and that it is kept', async () => {
    const ask = { keepHistory: false, candidates: [], now: 1, expiresAt: 9_000_000_000_000 };
    await store.pairs.match({ ...ask, user: ada, room: 'pair:h' });
    expect(await lines()).toEqual([]);
    await store.pairs.match({ ...ask, user: bob, candidates: [ada], room: 'pair:h' });
    expect(await lines()).toEqual(['room_opened pair:h bob,ada']);
    await store.pairs.wantHistory('ada', 2);
    expect(await lines()).toEqual(['history_asked pair:h ada,bob']);
    await store.pairs.wantHistory('bob', 2);
    expect(await lines()).toEqual(['room_changed pair:h {"keepHistory":true}']);
    await store.rooms.close('pair:h', 'closed', 5);
    await lines();
    await store.pairs.match({ ...ask, user: cleo, room: 'pair:i' });
    await store.pairs.match({ ...ask, user: ada, keepHistory: true, candidates: [cleo], room: 'pair:i' });
    expect(await lines()).toEqual(['room_opened pair:i ada,cleo', 'history_asked pair:i ada,cleo']);
  });

  test('[A4] tell of logins and their end, once', async () => {
    const login = (id: string, expiresAt: number) =>
      store.logins.openFamily({ id, userId: 'ada', name: 'Ada', kind: 'user', expiresAt }, id);
    await login('l1', 9_000_000_000_000);
    await login('l2', 9_000_000_000_000);
    await login('l3', 5);
    const ended = (id: string, reason: string) => `login_ended ada {"kind":"user","login":"${id}","reason":"${reason}"}`;
    expect(await lines()).toEqual(['l1', 'l2', 'l3'].map((id) => `login_opened ada {"kind":"user","login":"${id}"}`));
    await store.logins.revokeFamily('l1');
    await store.logins.revokeFamily('l1');
    await store.upkeep.dropExpired(Date.now());
    await store.logins.revokeFamiliesOf('ada');
    expect(await lines()).toEqual([ended('l1', 'revoked'), ended('l3', 'expired'), ended('l2', 'revoked')]);
    await store.upkeep.dropExpired(9_000_000_000_001);
    expect(await lines()).toEqual([]);
  });

  test('[A11] tell of bans and revocations', async () => {
    await store.revocations.add({ kind: 'ban', subject: 'bob', reason: 'spam', at: 1, until: 9_000_000_000_000 });
    await store.revocations.add({ kind: 'token', subject: 'hash', reason: '', at: 1, until: 2 });
    const [ban, token] = await events();
    expect(ban).toMatchObject({ kind: 'revocation', users: ['bob'], room: undefined });
    expect(ban?.payload).toEqual({ what: 'ban', subject: 'bob', reason: 'spam', at: 1, until: 9_000_000_000_000 });
    expect(token).toMatchObject({ users: [], payload: { what: 'token', subject: 'hash' } });
  });

  test('[R7] [R3] tell of a direct room that was dropped, and of what is done by hand', async () => {
    const dm = await room('dm');
    const group = await room('group');
    await lines();
    await store.upkeep.dropSilentRooms(30, Date.now());
    expect(await lines()).toEqual([`member_left ${dm} ada,bob`]);
    await database.query('DELETE FROM room_members WHERE room = $1', [group]);
    expect(await lines()).toEqual([`member_left ${group} ada,bob`]);
    // Nodes of the version before read a log of their own.
    expect(await database.query('SELECT change, users FROM room_changes WHERE room = $1', [group])).toEqual([
      { change: 'left', users: ['ada', 'bob'] },
    ]);
  });

  test('[R7] are without what was rolled back', async () => {
    const group = await room('group');
    await lines();
    await withClient(async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM room_members WHERE room = $1', [group]);
      await client.query(`INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ('ban', 'x', '', 1, 2)`);
      await client.query(
        `INSERT INTO login_families (id, user_id, name, kind, secret_hash, expires_at) VALUES ('x', 'x', '', '', '', 9000000000000)`,
      );
      await client.query('ROLLBACK');
    });
    expect(await lines()).toEqual([]);
  });

  test('are read by the kinds that are asked for', async () => {
    const group = await room('group');
    await store.rooms.removeMembers(group, ['bob']);
    expect((await events(['member_left'])).map(({ kind }) => kind)).toEqual(['member_left']);
  });

  test('[R7] of one room wait for each other, those of other rooms do not', async () => {
    const [one, other] = [await room('group'), await room('group')];
    await lines();
    const done: string[] = [];
    await withClient(async (client) => {
      await client.query('BEGIN');
      await client.query(`DELETE FROM room_members WHERE room = $1 AND user_id = 'ada'`, [one]);
      const later = store.rooms.removeMembers(one, ['bob']).then(() => done.push('later'));
      await store.rooms.removeMembers(other, ['bob']).then(() => done.push('other'));
      await waitsForLock();
      expect([done, await lines()]).toEqual([['other'], [`member_left ${other} bob`]]);
      await client.query('COMMIT');
      await later;
    });
    expect(await lines()).toEqual([`member_left ${one} ada`, `member_left ${one} bob`]);
  });

  test('[R7] tell that some may be missing to whoever was away for longer than a week, and go then, in pieces', async () => {
    const [snapshot = '', at, server] = mark.split(' ');
    const old = (hours: number): string => `${snapshot} ${Number(at) - hours * 3_600_000} ${server}`;
    expect((await store.events.since(old(7 * 24 - 1), ALL_KINDS)).complete).toBe(true);
    expect((await store.events.since(old(7 * 24), ALL_KINDS)).complete).toBe(false);
    await database.query(
      `INSERT INTO events (kind, room, added_at)
       SELECT 'room_changed', 'group:old', now() - CASE WHEN n <= 5001 THEN interval '7 days 1 minute' ELSE interval '6 days 23 hours' END
         FROM generate_series(1, 5003) n`,
    );
    const removed = await store.upkeep.dropExpired(Date.now());
    expect(removed).toBeGreaterThanOrEqual(5001);
    expect(await database.query("SELECT seq FROM events WHERE room = 'group:old'")).toHaveLength(2);
  });
});

/** JSON of the line with its keys as jsonb has them: the shorter first, then by the alphabet. */
function keysSorted(line: string): string {
  const at = line.indexOf('{');
  if (at < 0) return line;
  const order = ([a]: [string, unknown], [b]: [string, unknown]) => a.length - b.length || (a < b ? -1 : 1);
  return line.slice(0, at) + JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line.slice(at))).toSorted(order)));
}

/** Resolves once a statement waits for an advisory lock of another. */
async function waitsForLock(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 7250116
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await expect.poll(() => database.query(waiting)).toHaveLength(1);
}

describe('reading a log', () => {
  test('[R7] [A11] gives each entry once, however late it is committed, in whatever order, to each of two readers', async () => {
    const [early, late, later] = await Promise.all([room('group'), room('group'), room('group')]);
    await lines();
    const second = { mark };
    const both = async (): Promise<string[]> => {
      const first = await lines();
      const page = await store.events.since(second.mark, ALL_KINDS);
      second.mark = page.mark;
      expect(page.entries.map(({ seq }) => seq)).toHaveLength(first.length);
      return first;
    };
    const ban = { kind: 'ban', reason: '', at: 1, until: 9_000_000_000_000 } as const;
    let { mark: seen } = await store.revocations.since(undefined, 1);
    const bans = async (): Promise<string[]> => {
      const page = await store.revocations.since(seen, 1);
      seen = page.mark;
      return page.entries.map(({ subject }) => subject);
    };
    await withClient(async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM room_members WHERE room = $1', [late]);
      await client.query(`INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ('ban', 'late', '', 1, 9000000000000)`);
      // As after a minute: older than whatever anybody would look back for.
      await client.query("UPDATE events SET added_at = added_at - interval '1 minute' WHERE room = $1", [late]);
      await client.query("UPDATE sanctions SET added_at = added_at - interval '1 minute'");
      await store.rooms.removeMembers(early, ['ada']);
      expect(await both()).toEqual([`member_left ${early} ada`]);
      await store.revocations.add({ ...ban, subject: 'early' });
      expect(await bans()).toEqual(['early']);
      await store.rooms.removeMembers(later, ['ada']);
      await store.revocations.add({ ...ban, subject: 'later' });
      expect(await bans()).toEqual(['later']);
      expect((await both())[1]).toBe(`member_left ${later} ada`);
      expect([await both(), await bans()]).toEqual([[], []]);
      await client.query('COMMIT');
    });
    expect([(await both())[0], await bans()]).toEqual([`member_left ${late} ada,bob`, ['late']]);
    expect([await both(), await bans()]).toEqual([[], []]);
  });

  test('[R7] many writers and a reader that looks all the time: every entry, once', async () => {
    const name = await room(
      'group',
      Array.from({ length: 200 }, (_, i) => ({ id: `m${i}`, name: 'M' })),
    );
    await events();
    const seen: string[] = [];
    let writing = true;
    const reader = (async () => {
      while (writing) for (const { users } of await events()) seen.push(...users);
    })();
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.rooms.removeMembers(name, [`m${i}`])));
    writing = false;
    await reader;
    for (const { users } of await events()) seen.push(...users);
    expect(seen.toSorted()).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`).toSorted());
  });

  test('a long way is read in pages, each row once, and what is committed meanwhile comes after them', async () => {
    await withClient(async (client) => {
      await client.query('BEGIN');
      await client.query(`INSERT INTO events (kind, room) VALUES ('room_changed', 'group:late')`);
      await database.query(`INSERT INTO events (kind, room) SELECT 'room_changed', 'group:' || n FROM generate_series(1, 2500) n`);
      const first = await store.events.since(mark, ALL_KINDS);
      await client.query('COMMIT');
      const second = await store.events.since(first.mark, ALL_KINDS);
      const third = await store.events.since(second.mark, ALL_KINDS);
      const pages = [first, second, third].map(({ entries, more }) => [entries.length, more]);
      expect(pages).toEqual([
        [1000, true],
        [1000, true],
        [500, false],
      ]);
      const rooms = [first, second, third].flatMap(({ entries }) => entries.map(({ room: name }) => name));
      expect(rooms).toEqual(Array.from({ length: 2500 }, (_, i) => `group:${i + 1}`));
      mark = third.mark;
    });
    expect((await events()).map(({ room: name }) => name)).toEqual(['group:late']);
    expect(await events()).toEqual([]);
  });

  test('[R7] another server, whose numbers may be others: what was added lately is given again', async () => {
    const group = await room('group');
    await store.rooms.removeMembers(group, ['ada']);
    const before = await store.events.since(mark, ALL_KINDS);
    const [, at, server] = before.mark.split(/\s/);
    expect((await store.events.since(before.mark, ALL_KINDS)).entries).toEqual([]);
    const far = `9:99999999:`;
    const again = await store.events.since(`${far} ${at} ${Number(server) - 1}`, ['member_left']);
    expect(again.entries).toContainEqual(expect.objectContaining({ kind: 'member_left', room: group, users: ['ada'] }));
    expect(again.mark.split(/\s/)[2]).toBe(server);
    expect((await store.events.since(again.mark, ALL_KINDS)).entries).toEqual([]);
  });

  test('[R7] a copy of another server, whose numbers lie ahead, gives nothing again and again', async () => {
    await database.query(
      "INSERT INTO events (xid, room, kind) VALUES ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000)::text::xid8, 'group:copy', 'member_left')",
    );
    expect((await events()).map(({ room: name }) => name)).not.toContain('group:copy');
  });
});
