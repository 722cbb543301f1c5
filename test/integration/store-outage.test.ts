import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { StoredMessage } from '#libs/store/message-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { freePort } from '#test/support/free-port.ts';
import { muteStore } from '#test/support/mute-stats.ts';
import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { until } from '#test/support/wait.ts';

const TIMEOUT_MS = 1500;
/** What a call may take on a machine that is busy with other things. */
const AT_MOST_MS = TIMEOUT_MS + 6000;
const LONG = { timeoutMs: 50_000 };

let server: PostgresServer;
let database: PostgresDatabase;
let store: Store;
const ups: boolean[] = [];
let errors = 0;

beforeAll(async () => {
  server = await startPostgres();
  database = await PostgresDatabase.create({ adminUrl: server.url });
  const observe = muteStore({ error: () => void errors++, up: (up) => void ups.push(up) });
  store = await openStore({ url: database.url, timeoutMs: TIMEOUT_MS, observe });
});

afterAll(async () => {
  await store.close();
  await server.stop();
});

beforeEach(async () => {
  await until(() => store.ping().then(() => true), LONG);
});

let offset = 0;

function message(): StoredMessage {
  offset += 1;
  return { room: 'group:o', offset, epoch: 'e', id: `m${offset}`, sender: '{}', text: 'x', data: undefined, at: Date.now() };
}

/** One call of every kind; each has to say the same while the database is away. */
function calls(): Promise<unknown>[] {
  const person = { id: 'ada', name: 'Ada' };
  const room = { room: 'group:o', kind: 'group', title: '', owner: '', keepHistory: true, createdAt: 1, expiresAt: undefined } as const;
  store.seen.touch({ user: 'ada', name: 'Ada', kind: 'user', lastSeen: 1 });
  return [
    store.ping(),
    store.users.create({ id: 'u', name: 'n', mail: 'm' }),
    store.users.byName('n'),
    store.agents.all(),
    store.customers.byId('c'),
    store.codes.redeem({ account: 'a', attempt: undefined, orNewest: true, askers: ['x'], hashes: ['h'], device: undefined, now: 1 }),
    store.codes.beginTry('a', undefined, 1),
    store.logins.activeLogin('f', 1),
    store.logins.replaceSecrets({ id: 'f', generation: 0, hash: 'a', earlier: [] }, { generation: 1, hash: 'b', earlier: [] }, 1),
    store.rooms.create(room, [person]),
    store.rooms.withMembers('group:o'),
    store.rooms.standing('group:o', 'ada'),
    store.rooms.recheck('group:o', 'ada'),
    store.pairs.match({ user: person, keepHistory: true, candidates: [], room: 'pair:x', now: 1, expiresAt: 2 }),
    store.conversations.assign('conv:x', [person]),
    store.messages.append(message()),
    store.messages.before('group:o', 10, 10),
    store.messages.top('group:o'),
    store.cursors.advance('ada', 'group:o', 1),
    store.cursors.waiting('ada'),
    store.revocations.since(undefined, 1),
    store.events.since(undefined, ['member_left']),
    store.events.since('1:1: 1 1', ['member_left']),
    store.seen.get(['ada']),
  ];
}

async function expectAllUnavailable(): Promise<void> {
  const started = performance.now();
  const results = await Promise.allSettled(calls());
  expect(performance.now() - started).toBeLessThan(AT_MOST_MS);
  const told = results.map((result) =>
    result.status === 'rejected' && result.reason instanceof HubError ? result.reason.code : 'answered',
  );
  expect(told).toEqual(results.map(() => 'UNAVAILABLE'));
}

async function expectWorking(): Promise<void> {
  await until(() => store.ping().then(() => true), LONG);
  const said = message();
  await until(() => store.messages.append(said), LONG);
  expect((await store.messages.before('group:o', Number.POSITIVE_INFINITY, 1)).messages).toEqual([said]);
}

describe('PostgreSQL away', () => {
  test('killed: every call says UNAVAILABLE in time, and works by itself when it is back', async () => {
    await expectWorking();
    await server.kill9();
    await expectAllUnavailable();
    await expectAllUnavailable();
    store.seen.touch({ user: 'newcomer', name: 'Newcomer', kind: 'user', lastSeen: 1 });
    await expect(store.seen.get(['newcomer'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.start();
    await expectWorking();
    // Whoever came meanwhile can be written to.
    await until(async () => (await store.seen.kindOf('newcomer')) === 'user', LONG);
  });

  test('frozen: every call says UNAVAILABLE in time, and works by itself when it is back', async () => {
    await until(() => Promise.all(Array.from({ length: 10 }, () => store.ping())), LONG);
    server.freeze();
    try {
      await expectAllUnavailable();
      await expectAllUnavailable();
    } finally {
      server.thaw();
    }
    await expectWorking();
  });

  test('readers that wait keep no message from being stored, and no question about a member from its answer', async () => {
    await store.rooms.create(
      { room: 'group:o', kind: 'group', title: '', owner: '', keepHistory: true, createdAt: 1, expiresAt: undefined },
      [{ id: 'ada', name: 'Ada' }],
    );
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
      let waiting = 0;
      const readers = Array.from({ length: 50 }, async () => {
        waiting += 1;
        await store.users.byName('n').catch(() => undefined);
        waiting -= 1;
      });
      const said = message();
      expect(await store.messages.append(said)).toMatchObject({ offset: said.offset });
      expect(await store.messages.top('group:o')).toBe(said.offset);
      expect(await store.rooms.standing('group:o', 'ada')).toMatchObject({ isMember: true });
      expect(waiting).toBe(50);
      await holder.query('ROLLBACK');
      await Promise.all(readers);
    } finally {
      await holder.end();
    }
  });

  test('[R7] whether somebody is a member still is given up before others give up, and keeps nobody from reading what became of rooms', async () => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    const patient = await openStore({ url: database.url });
    try {
      // Its connection is there: a busy machine may take longer to make one than a question about a member may last.
      await patient.events.since(undefined, ['member_left']);
      await holder.query('BEGIN; LOCK TABLE room_members IN ACCESS EXCLUSIVE MODE');
      const asked = (what: string, answer: Promise<unknown>): Promise<string> =>
        answer.then(
          () => `${what} is answered`,
          (error: unknown) => `${what} ${HubError.from(error).code}`,
        );
      const standing = asked('standing', patient.rooms.standing('group:o', 'ada'));
      const recheck = asked('recheck', patient.rooms.recheck('group:o', 'ada'));
      const read = asked('since', patient.events.since(undefined, ['member_left']));
      expect(await Promise.race([standing, recheck, read])).toBe('since is answered');
      expect(await Promise.race([standing, recheck])).toBe('recheck UNAVAILABLE');
      await holder.query('ROLLBACK');
      await Promise.all([standing, recheck]);
      expect(await asked('recheck', patient.rooms.recheck('group:o', 'ada'))).toBe('recheck is answered');
    } finally {
      await holder.end();
      await patient.close();
    }
  });

  test('restarted in order: calls under way are answered, one way or the other', async () => {
    const said = Array.from({ length: 300 }, message);
    const writing = Promise.allSettled(said.map((one) => store.messages.append(one)));
    await server.shutDown();
    const results = await writing;
    await server.start();
    await expectWorking();
    const stored = new Set((await store.messages.after('group:o', 0, 5000)).map(({ id }) => id));
    for (const [i, result] of results.entries()) if (result.status === 'fulfilled') expect(stored).toContain(said[i]?.id);
    // What was not told is tried again, with the same id, and is there once.
    for (const one of said) await until(() => store.messages.append(one), LONG);
    const all = await store.messages.after('group:o', 0, 5000);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.filter(({ id }) => said.some((one) => one.id === id))).toHaveLength(300);
  });

  test('[M1] killed in mid-traffic: whatever was told to be stored is there, once', async () => {
    for (let round = 0; round < 3; round++) {
      const acked = new Set<string>();
      let stop = false;
      const writers = Array.from({ length: 20 }, async () => {
        while (!stop) {
          const one = message();
          await store.messages.append(one).then(
            () => acked.add(one.id),
            () => undefined,
          );
        }
      });
      const before = acked.size;
      await until(() => acked.size > before + 50, LONG);
      await server.kill9();
      stop = true;
      await Promise.all(writers);
      await server.start();
      await until(() => store.ping().then(() => true), LONG);
      const ids = (await store.messages.after('group:o', 0, 100_000)).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const there = new Set(ids);
      expect([...acked].filter((id) => !there.has(id))).toEqual([]);
    }
  });

  test('a connection that is cut in the middle of a transaction leaves nothing behind', async () => {
    // It waits for a lock that is given up only after the cut, and in a store that would wait for longer than all of this takes.
    const patient = await openStore({ url: database.url, timeoutMs: 30_000 });
    const held = database.query('SELECT pg_advisory_xact_lock(7250113, 2), pg_sleep(600)').catch(() => undefined);
    const locks = (what: string, granted: boolean) =>
      server.query(`SELECT ${what} FROM pg_locks WHERE locktype = 'advisory' AND granted = ${granted}`);
    await until(async () => (await locks('1', true)).length > 0, LONG);
    const ada = { id: 'cut', name: 'Cut' };
    const asked = patient.pairs
      .match({ user: ada, keepHistory: true, candidates: [], room: 'pair:c', now: 1, expiresAt: 2 })
      .catch((error: unknown) => error);
    await until(async () => (await locks('pg_terminate_backend(pid)', false)).length > 0, LONG);
    expect(await asked).toMatchObject({ code: 'UNAVAILABLE' });
    await locks('pg_cancel_backend(pid)', true);
    await held;
    await patient.close();
    expect((await store.pairs.waiting(10)).filter(({ user }) => user.id === 'cut')).toEqual([]);
    expect(await store.pairs.match({ user: ada, keepHistory: true, candidates: [], room: 'pair:c', now: 1, expiresAt: 2 })).toEqual({
      state: 'waiting',
    });
  });

  test('what is measured: up and down are told when they change', () => {
    expect(ups[0]).toBe(true);
    expect(ups.some((up) => !up)).toBe(true);
    expect(ups.every((up, i) => i === 0 || up !== ups[i - 1])).toBe(true);
    expect(errors).toBeGreaterThan(0);
  });

  test('never there: opens, says so, and closes', async () => {
    const nowhere = await openStore({ url: `postgres://parley:s3cretword@127.0.0.1:${await freePort()}/x`, timeoutMs: TIMEOUT_MS });
    const error = await nowhere.ping().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    expect(JSON.stringify(error, ['message', 'stack', 'cause', 'code', 'errors'])).not.toContain('s3cretword');
    await nowhere.close();
  });
});
