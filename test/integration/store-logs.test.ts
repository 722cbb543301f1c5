import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RoomChange } from '#libs/store/change-logs.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

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
  ({ mark } = await store.roomChanges.since(undefined));
});

const ada = { id: 'ada', name: 'Ada' };
const bob = { id: 'bob', name: 'Bob' };
const cleo = { id: 'cleo', name: 'Cleo' };

/** What was committed since the last look. */
async function changes(): Promise<readonly RoomChange[]> {
  const page = await store.roomChanges.since(mark);
  mark = page.mark;
  return page.entries;
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

const left = (name: string, ...users: string[]) => ({ room: name, change: 'left', reason: undefined, users });
const closed = (name: string, reason: string, ...users: string[]) => ({ room: name, change: 'closed', reason, users });
const changed = (name: string) => ({ room: name, change: 'changed', reason: undefined, users: [] });

describe('the log of what becomes of rooms', () => {
  test('[R7] has everything that takes access away, and nothing that does not', async () => {
    const group = await room('group');
    const pair = await room('pair');
    await store.rooms.update(group, { title: 'other', expiresAt: 2000 }, 5);
    await store.rooms.addMembers(group, [cleo], 1000);
    await store.rooms.removeMembers(group, ['none']);
    await store.rooms.close('group:none', 'closed', 5);
    expect(await changes()).toEqual([]);
    await store.rooms.removeMembers(group, ['bob']);
    expect(await changes()).toEqual([left(group, 'bob')]);
    await store.rooms.update(group, { keepHistory: false }, 5);
    expect(await changes()).toEqual([changed(group)]);
    await store.rooms.close(group, 'expired', 5000);
    await store.rooms.close(group, 'closed', 5000);
    await store.rooms.close(pair, 'closed', 5);
    expect(await changes()).toEqual([closed(group, 'expired'), closed(pair, 'closed', 'ada', 'bob')]);
  });

  test('[R7] [A10] has a conversation that changes hands, and who came into it', async () => {
    await store.conversations.open({ room: 'conv:1', subject: '', customer: cleo, now: 1, further: false, most: 3 });
    expect(await changes()).toEqual([]);
    await store.conversations.assign('conv:1', [ada]);
    expect(await changes()).toEqual([changed('conv:1')]);
    await store.conversations.assign('conv:1', [bob]);
    expect(await changes()).toEqual([left('conv:1', 'ada'), changed('conv:1')]);
    await store.conversations.handOn('conv:1', 'bob', []);
    expect(await changes()).toEqual([left('conv:1', 'bob')]);
    await store.rooms.close('conv:1', 'closed', 5);
    expect(await changes()).toEqual([closed('conv:1', 'closed', 'cleo')]);
  });

  test('[R7] [A9] has a pair whose history is kept from now on', async () => {
    const ask = { keepHistory: false, candidates: [], room: 'pair:h', now: 1, expiresAt: 9_000_000_000_000 };
    await store.pairs.match({ ...ask, user: ada });
    await store.pairs.match({ ...ask, user: bob, candidates: [ada] });
    expect(await changes()).toEqual([]);
    await store.pairs.wantHistory('ada', 2);
    expect(await changes()).toEqual([]);
    await store.pairs.wantHistory('bob', 2);
    expect(await changes()).toEqual([changed('pair:h')]);
  });

  test('[R7] [R3] has a direct room that was dropped, and what is done by hand', async () => {
    const dm = await room('dm');
    const group = await room('group');
    await store.upkeep.dropSilentRooms(30, Date.now());
    expect(await changes()).toEqual([left(dm, 'ada', 'bob')]);
    await database.query('DELETE FROM room_members WHERE room = $1', [group]);
    expect(await changes()).toEqual([left(group, 'ada', 'bob')]);
  });

  test('[R7] is without what was rolled back', async () => {
    const group = await room('group');
    await withClient(async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM room_members WHERE room = $1', [group]);
      await client.query('ROLLBACK');
    });
    expect(await changes()).toEqual([]);
  });

  test('[R7] tells of itself that something may be missing, to whoever was away longer than it is kept', async () => {
    const [snapshot = '', at, server] = mark.split(' ');
    const old = (minutes: number): string => `${snapshot} ${Number(at) - minutes * 60_000} ${server}`;
    expect((await store.roomChanges.since(old(45))).complete).toBe(true);
    expect((await store.roomChanges.since(old(55))).complete).toBe(false);
    const group = await room('group');
    await store.rooms.removeMembers(group, ['bob']);
    await database.query("UPDATE room_changes SET added_at = added_at - interval '59 minutes'");
    await store.upkeep.dropExpired(Date.now());
    expect(await database.query('SELECT room FROM room_changes WHERE room = $1', [group])).toHaveLength(1);
    await database.query("UPDATE room_changes SET added_at = added_at - interval '2 minutes'");
    await store.upkeep.dropExpired(Date.now());
    expect(await database.query('SELECT room FROM room_changes')).toEqual([]);
  });
});

describe('reading a log', () => {
  test('[R7] [A11] gives each entry once, however late it is committed, in whatever order', async () => {
    const groups = await Promise.all([room('group'), room('group'), room('group')]);
    const [early = '', late = '', later = ''] = groups;
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
      await client.query("UPDATE room_changes SET added_at = added_at - interval '1 minute' WHERE room = $1", [late]);
      await client.query("UPDATE sanctions SET added_at = added_at - interval '1 minute'");
      await store.rooms.removeMembers(early, ['ada']);
      await store.revocations.add({ ...ban, subject: 'early' });
      expect([await changes(), await bans()]).toEqual([[left(early, 'ada')], ['early']]);
      await store.rooms.removeMembers(later, ['ada']);
      await store.revocations.add({ ...ban, subject: 'later' });
      expect([await changes(), await bans()]).toEqual([[left(later, 'ada')], ['later']]);
      expect([await changes(), await bans()]).toEqual([[], []]);
      await client.query('COMMIT');
    });
    expect([await changes(), await bans()]).toEqual([[left(late, 'ada', 'bob')], ['late']]);
    expect([await changes(), await bans()]).toEqual([[], []]);
  });

  test('[R7] many writers and a reader that looks all the time: every entry, once', async () => {
    const name = await room(
      'group',
      Array.from({ length: 200 }, (_, i) => ({ id: `m${i}`, name: 'M' })),
    );
    const seen: string[] = [];
    let writing = true;
    const reader = (async () => {
      while (writing) for (const { users } of await changes()) seen.push(...users);
    })();
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.rooms.removeMembers(name, [`m${i}`])));
    writing = false;
    await reader;
    for (const { users } of await changes()) seen.push(...users);
    expect(seen.toSorted()).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`).toSorted());
  });

  test('[R7] another server, whose numbers may be others: what was added lately is given again', async () => {
    const group = await room('group');
    await store.rooms.removeMembers(group, ['ada']);
    const before = await store.roomChanges.since(mark);
    const [snapshot = '', at, server] = before.mark.split(' ');
    expect((await store.roomChanges.since(before.mark)).entries).toEqual([]);
    const far = `9:99999999:`;
    const again = await store.roomChanges.since(`${far} ${at} ${Number(server) - 1}`);
    expect(again.entries).toContainEqual(left(group, 'ada'));
    expect(again.mark.split(' ')[2]).toBe(server);
    expect((await store.roomChanges.since(again.mark)).entries).toEqual([]);
    expect(snapshot).not.toBe('');
  });

  test('[R7] a copy of another server, whose numbers lie ahead, gives nothing again and again', async () => {
    await database.query(
      "INSERT INTO room_changes (xid, room, change) VALUES ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000)::text::xid8, 'group:copy', 'left')",
    );
    expect((await changes()).map(({ room: name }) => name)).not.toContain('group:copy');
  });
});
