import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CodeTry, FamilyRecord, LoginSecrets, NewCode } from '#libs/store/login-store.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

let database: PostgresDatabase;
let store: Store;
let other: Store;
let clock = 1_000_000;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  store = await openStore({ url: database.url, timeoutMs: 20_000, now: () => clock });
  other = await openStore({ url: database.url, timeoutMs: 20_000, now: () => clock });
});

afterAll(async () => {
  await Promise.all([store.close(), other.close()]);
  await database.drop();
});

const times = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));
const node = (i: number): Store => (i % 2 === 0 ? store : other);

describe('users', () => {
  test('[A3] a name and an address belong to one, whatever their case and form', async () => {
    const ada = { id: randomUUID(), name: 'Ada Lovelace', mail: 'Ada@example.org' };
    expect(await store.users.create(ada)).toBe('created');
    expect(await store.users.create({ id: randomUUID(), name: 'ADA LOVELACE', mail: 'b@example.org' })).toBe('name-taken');
    expect(await store.users.create({ id: randomUUID(), name: 'Ａda Lovelace', mail: 'b@example.org' })).toBe('name-taken');
    expect(await store.users.create({ id: randomUUID(), name: 'Bob', mail: 'ADA@EXAMPLE.ORG' })).toBe('mail-taken');
    expect(await other.users.byMail('aDA@example.ORG')).toEqual(ada);
    expect(await other.users.byName('ada lovelace')).toEqual(ada);
    expect(await other.users.byId(ada.id)).toEqual(ada);
    expect(await other.users.byIds([ada.id, 'nobody', ada.id])).toEqual([ada]);
  });

  test('[A3] what cannot be seen, blanks and full case make no second name, and an agent has none of a user', async () => {
    const grace = { id: randomUUID(), name: 'Grace Straße', mail: 'straße@example.org' };
    expect(await store.users.create(grace)).toBe('created');
    for (const name of ['grace  STRASSE', 'Gra\u200bce\u00a0Straße', '\u2800Grace Straße\u3164']) {
      expect(await other.users.create({ id: randomUUID(), name, mail: 'g2@example.org' })).toBe('name-taken');
      expect(await other.agents.create({ id: randomUUID(), name, passwordHash: 'x' })).toBe('name-taken');
      expect(await store.names.isTaken(name)).toBe(true);
      expect(await store.users.byName(name)).toEqual(grace);
    }
    // A name is not held by who was refused for the address.
    expect(await store.users.create({ id: randomUUID(), name: 'Gracie', mail: 'STRAßE@example.org' })).toBe('mail-taken');
    expect(await store.names.isTaken('gracie')).toBe(false);
  });

  test('[A3] one name registered 20 times at once belongs to one', async () => {
    const results = await times(20, (i) =>
      node(i).users.create({ id: randomUUID(), name: i % 2 === 0 ? 'Racer' : 'rACER', mail: `racer${i}@example.org` }),
    );
    expect(results.filter((result) => result === 'created')).toHaveLength(1);
    expect(results.filter((result) => result === 'name-taken')).toHaveLength(19);
  });

  test('nobody is found by what nobody has, hostile texts included', async () => {
    for (const text of ['', '\0', "' OR 1=1 --", '\ud800', 'x'.repeat(10_000), '%', '_']) {
      expect(await store.users.byName(text)).toBeUndefined();
      expect(await store.users.byMail(text)).toBeUndefined();
      expect(await store.users.byId(text)).toBeUndefined();
      expect(await store.users.byIds([text])).toEqual([]);
    }
  });
});

test('[A6] agents: a name once, found in any case; all of them with those who came with a token', async () => {
  const agent = { id: 'agent-1', name: 'Grace', passwordHash: '$argon2id$v=19$x' };
  const made = await times(10, (i) => node(i).agents.create({ ...agent, id: `agent-${i}` }));
  expect(made.filter((result) => result === 'created')).toHaveLength(1);
  const grace = await store.agents.byName('GRACE');
  expect(grace).toMatchObject({ name: 'Grace', passwordHash: agent.passwordHash });
  store.seen.touch({ user: 'foreign', name: 'Foreign', kind: 'agent', lastSeen: 1 });
  store.seen.touch({ user: grace?.id ?? '', name: 'Other name', kind: 'agent', lastSeen: 1 });
  store.seen.touch({ user: 'someone', name: 'Someone', kind: 'user', lastSeen: 1 });
  await expect.poll(async () => (await other.seen.get(['foreign', 'someone', grace?.id ?? ''])).length, { timeout: 20_000 }).toBe(3);
  expect((await store.agents.all()).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { id: 'foreign', name: 'Foreign', kind: 'agent' },
    { id: grace?.id, name: 'Grace', kind: 'agent' },
  ]);
});

test('[A5] customers keep their metadata as it was', async () => {
  const customer = { id: randomUUID(), name: 'Cleo', channel: 'web', metadata: { plan: 'a\u0000b', deep: [1, { x: null }] } };
  await store.customers.create(customer);
  await store.customers.create({ id: 'plain', name: 'P', channel: 'app' });
  expect(await other.customers.byId(customer.id)).toEqual(customer);
  expect(await other.customers.byId('plain')).toEqual({ id: 'plain', name: 'P', channel: 'app', metadata: undefined });
  expect(await other.customers.byId('none')).toBeUndefined();
});

describe('codes', () => {
  const put = (account: string, attempt: string, more: Partial<NewCode> = {}): Promise<void> =>
    store.codes.put({ attempt, account, asker: 'here', hash: 'right', expiresAt: 2000, ...more });
  const attempt = (account: string, code: string, more: Partial<CodeTry> = {}): CodeTry => ({
    account,
    attempt: undefined,
    orNewest: true,
    askers: ['here'],
    hashes: [code],
    device: undefined,
    now: 1000,
    ...more,
  });
  const redeem = (account: string, code: string, more: Partial<CodeTry> = {}) => other.codes.redeem(attempt(account, code, more));

  test('[A2] a code works once, also when 20 correct tries arrive together', async () => {
    await put('ada', 'ada-1');
    const results = await times(20, (i) => node(i).codes.redeem(attempt('ada', 'right')));
    expect(results.filter((result) => result === 'ok')).toHaveLength(1);
    expect(results.filter((result) => result === 'wrong')).toHaveLength(19);
    expect(await redeem('ada', 'right')).toBe('wrong');
  });

  test('[A1] [A2] up to five live side by side, each with five tries, in both ways to name it', async () => {
    for (let n = 1; n <= 6; n++) await put('bob', `bob-${n}`, { hash: `right${n}` });
    await put('bob', 'bob-far', { asker: 'far', hash: 'far' });
    expect(await redeem('bob', 'right1', { attempt: 'bob-1', orNewest: false })).toBe('wrong');
    // Who has no attempt burns the newest for those who have none.
    for (let n = 0; n < 5; n++) expect(await redeem('bob', `wrong${n}`)).toBe(n < 4 ? 'wrong' : 'spent');
    expect(await redeem('bob', 'right6')).toBe('spent');
    expect(await redeem('bob', 'right6', { attempt: 'unknown', orNewest: false })).toBe('wrong');
    expect(await redeem('bob', 'right6', { attempt: 'bob-6' })).toBe('ok');
    expect(await redeem('bob', 'right5')).toBe('ok');
    for (let n = 0; n < 5; n++) expect(await redeem('bob', `wrong${n}`, { attempt: 'bob-4' })).toBe(n < 4 ? 'wrong' : 'spent');
    expect(await redeem('bob', 'right4', { attempt: 'bob-4' })).toBe('spent');
    expect(await redeem('bob', 'far', { askers: ['far'] })).toBe('ok');
    expect(await redeem('bob', 'right2', { attempt: 'bob-2' })).toBe('ok');
    expect(await redeem('carl', 'right3', { attempt: 'bob-3' })).toBe('wrong');
  });

  test('[A2] 20 wrong tries of an account in 10 minutes, then 10 of each device it knows; also when they come together', async () => {
    for (let n = 1; n <= 30; n++) await put('dora', `dora-${n}`, { asker: `a${n}`, expiresAt: 10_000_000 });
    const wrong = async (device: string | undefined, now: number) => {
      const results = await times(50, (i) =>
        node(i).codes.redeem(attempt('dora', 'wrong', { attempt: `dora-${(i % 30) + 1}`, orNewest: false, device, now })),
      );
      return results.filter((result) => result === 'wrong').length;
    };
    expect(await wrong(undefined, 1000)).toBe(20);
    const right = { attempt: 'dora-10', orNewest: false };
    expect(await redeem('dora', 'right', { ...right, now: 1500 })).toBe(599_500);
    expect(await wrong('phone', 1500)).toBe(10);
    expect(await redeem('dora', 'right', { ...right, device: 'phone', now: 1500 })).toBe(600_000);
    expect(await redeem('dora', 'right', { ...right, device: 'laptop', now: 1500 })).toBe('ok');
    await put('dora', 'dora-31', { expiresAt: 10_000_000 });
    expect(await redeem('dora', 'right', { attempt: 'dora-31', now: 601_000 })).toBe('ok');
  });

  test('[A6] tries whose outcome is not known yet count until they are forgiven', async () => {
    const begun = await times(30, (i) => node(i).codes.beginTry('agent:max', undefined, 1000));
    const granted = begun.filter((one) => typeof one !== 'number');
    expect(granted).toHaveLength(20);
    expect(begun.filter((one) => one === 600_000)).toHaveLength(10);
    for (const one of granted.slice(0, 2)) await other.codes.forgiveTry(one);
    expect(await store.codes.beginTry('agent:max', undefined, 1000)).toEqual({ payer: 'agent:max' });
    expect(await store.codes.beginTry('agent:max', 'tablet', 1000)).toEqual({ payer: 'agent:max' });
    expect(await store.codes.beginTry('agent:max', 'tablet', 1000)).toEqual({ payer: 'device:tablet' });
  });

  test('[A1] it ends with its time', async () => {
    await put('erin', 'erin-1');
    expect(await redeem('erin', 'right', { now: 2000 })).toBe('wrong');
    expect(await redeem('erin', 'right', { now: 1999 })).toBe('ok');
  });

  test('[A2] a ticket is good until its time or until it is used', async () => {
    clock = 1000;
    await store.logins.putTicket('t1', 'ada@example.org', 2000);
    expect(await other.logins.ticket('t1', 1999)).toBe('ada@example.org');
    expect(await other.logins.ticket('t1', 2000)).toBeUndefined();
    const dropped = await times(10, (i) => node(i).logins.dropTicket('t1'));
    expect(dropped.filter(Boolean)).toHaveLength(1);
    expect(await other.logins.ticket('t1', 1000)).toBeUndefined();
    await store.logins.putTicket('t2', 'ada@example.org', 2000);
    clock = 2000;
    expect(await store.logins.dropTicket('t2')).toBe(false);
  });
});

describe('refresh families', () => {
  const family = (id: string): FamilyRecord => ({ id, userId: 'u1', name: 'Ada', kind: 'user', expiresAt: 5000 });

  const secrets = async (id: string): Promise<LoginSecrets> => {
    const login = await store.logins.activeLogin(id, 1000);
    if (login === undefined) throw new Error('no login');
    return login.secrets;
  };
  const replacedBy = (generation: number, hash: string) => ({
    generation,
    hash,
    earlier: [{ hash: 'before', generation: 0, until: null }],
  });

  test('[A4] the secrets are replaced as they were read, and are read as they were written', async () => {
    await store.logins.openFamily(family('f1'), 's0');
    const first = await secrets('f1');
    expect(await other.logins.activeLogin('f1', 1000)).toEqual({
      family: family('f1'),
      secrets: { id: 'f1', generation: 0, hash: 's0', earlier: [] },
    });
    expect(await store.logins.replaceSecrets(first, replacedBy(1, 's1'), 1000)).toBe(true);
    expect(await other.logins.replaceSecrets(first, replacedBy(1, 'x1'), 1000)).toBe(false);
    expect(await secrets('f1')).toEqual({ id: 'f1', ...replacedBy(1, 's1') });
    expect(await other.logins.replaceSecrets({ ...(await secrets('f1')), hash: 'x' }, replacedBy(2, 's2'), 1000)).toBe(false);
  });

  test('[A4] of ten that replace them at once one succeeds', async () => {
    await store.logins.openFamily(family('f2'), 's0');
    const first = await secrets('f2');
    const results = await times(10, (i) => node(i).logins.replaceSecrets(first, replacedBy(1, `n${i}`), 1000));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  test('[A4] not living: none, expired, revoked by itself or with all of its user', async () => {
    const living = async (id: string, now = 1000): Promise<boolean> => (await store.logins.activeLogin(id, now)) !== undefined;
    expect([await living('none'), await store.logins.knowsLogin('none')]).toEqual([false, false]);
    await store.logins.openFamily(family('f3'), 's0');
    const read = await secrets('f3');
    expect([await living('f3', 4999), await living('f3', 5000)]).toEqual([true, false]);
    expect(await store.logins.replaceSecrets(read, replacedBy(1, 's1'), 5000)).toBe(false);
    for (let twice = 0; twice < 2; twice += 1) expect(await store.logins.revokeFamily('f3')).toBe(family('f3').kind);
    expect(await store.logins.revokeFamily('none')).toBeUndefined();
    expect([await living('f3'), await store.logins.replaceSecrets(read, replacedBy(1, 's1'), 1000)]).toEqual([false, false]);
    expect(await store.logins.knowsLogin('f3')).toBe(true);
    await store.logins.openFamily({ ...family('f4'), userId: 'u9' }, 's0');
    await store.logins.openFamily({ ...family('f5'), userId: 'u9' }, 's0');
    await store.logins.openFamily(family('f6'), 's0');
    await store.logins.revokeFamiliesOf('u9');
    expect([await living('f4'), await living('f5'), await living('f6')]).toEqual([false, false, true]);
  });
});

describe('revocations', () => {
  const ban = { kind: 'ban', subject: 'u1', reason: 'spam', at: 1000, until: 9000 } as const;

  test('[A11] a log in order: what stands, and what came since', async () => {
    await store.revocations.add(ban);
    await store.revocations.add({ ...ban, kind: 'login', subject: 'f1', until: 2000 });
    const first = await other.revocations.since(undefined, 1500);
    expect(first.entries).toEqual([
      { ...ban, seq: first.entries[0]?.seq },
      { ...ban, kind: 'login', subject: 'f1', until: 2000, seq: first.entries[1]?.seq },
    ]);
    expect((await other.revocations.since(undefined, 2000)).entries.map(({ kind }) => kind)).toEqual(['ban']);
    expect((await other.revocations.since(first.mark, 1500)).entries).toEqual([]);
    await store.revocations.add({ ...ban, kind: 'unban', until: 1_000_000 });
    const [lifted, ...more] = (await other.revocations.since(first.mark, 1500)).entries;
    expect([lifted?.kind, more]).toEqual(['unban', []]);
    // It is kept a minute longer than the ban, not for as long as it could have to be.
    expect(lifted?.until).toBe(69_000);
    expect((await other.revocations.since(undefined, 1500)).entries.map(({ kind }) => kind)).toEqual(['login']);
    await store.revocations.add({ ...ban, until: 9500 });
    expect((await other.revocations.since(undefined, 1500)).entries.map(({ kind, until }) => [kind, until])).toEqual([
      ['login', 2000],
      ['ban', 9500],
    ]);
  });

  test('[A13] until when one user is banned: the newest word counts, of this user and not over', async () => {
    const until = async (now: number, user = 'u2') => (await other.revocations.banOf(user, now))?.until;
    expect(await until(1)).toBeUndefined();
    await store.revocations.add({ ...ban, subject: 'u2' });
    await store.revocations.add({ ...ban, subject: 'u3', until: 20_000 });
    await store.revocations.add({ ...ban, kind: 'user', subject: 'u2', until: 30_000 });
    expect([await until(1500), await until(8999), await until(9000)]).toEqual([9000, 9000, undefined]);
    await store.revocations.add({ ...ban, kind: 'unban', subject: 'u2', until: 40_000 });
    expect([await until(1500), await until(1500, 'u3')]).toEqual([undefined, 20_000]);
    await store.revocations.add({ ...ban, subject: 'u2', until: 100_000 });
    expect(await other.revocations.banOf('u2', 1500)).toEqual({ until: 100_000, reason: 'spam' });
  });

  test('[A17] a ban covers the browsers of the user, and the other guests of these browsers whose login is open', async () => {
    const login = { name: 'n', kind: 'guest', expiresAt: 50_000 };
    const open = (id: string, userId: string, browser: string | undefined, more: object = {}) =>
      store.logins.openFamily({ ...login, id, userId, browser, ...more }, 's');
    await open('w1', 'guest-1', 'one');
    await open('w2', 'guest-1', 'two');
    await open('w3', 'guest-2', 'two');
    await open('w4', 'guest-3', 'two', { expiresAt: 900 });
    await open('w5', 'guest-4', 'two');
    await store.logins.revokeFamily('w5');
    await open('w6', 'guest-5', 'three');
    await open('w7', 'account', undefined, { kind: 'user' });
    const { mark } = await other.revocations.since(undefined, 500);
    await store.revocations.add({ ...ban, subject: 'guest-1' });
    await store.revocations.add({ ...ban, subject: 'account' });
    const [guest, account] = (await other.revocations.since(mark, 500)).entries;
    expect(guest?.covers?.toSorted()).toEqual(['browser one', 'browser two', 'guest-2']);
    expect(account).not.toHaveProperty('covers');
  });
});

describe('seen', () => {
  test('touches of the same moment go out together, the latest wins', async () => {
    for (let i = 0; i < 100; i++) store.seen.touch({ user: `s${i % 10}`, name: `n${i}`, kind: 'user', lastSeen: i });
    store.seen.touch({ user: 's0', name: 'old', kind: 'user', lastSeen: 0 });
    await expect
      .poll(() => other.seen.get(['s0', 's9', 'never']), { timeout: 20_000 })
      .toEqual(
        expect.arrayContaining([
          { user: 's0', name: 'n90', kind: 'user', lastSeen: 90 },
          { user: 's9', name: 'n99', kind: 'user', lastSeen: 99 },
        ]),
      );
  });

  test('an older touch that comes later changes nothing; close writes what waits', async () => {
    const closing = await openStore({ url: database.url });
    closing.seen.touch({ user: 's0', name: 'late', kind: 'user', lastSeen: 50 });
    closing.seen.touch({ user: 's-close', name: 'x', kind: 'guest', lastSeen: 7 });
    await closing.close();
    expect(await other.seen.get(['s-close'])).toEqual([{ user: 's-close', name: 'x', kind: 'guest', lastSeen: 7 }]);
    expect((await other.seen.get(['s0']))[0]?.lastSeen).toBe(90);
  });
});
