import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { People, PersonKinds } from '#libs/rooms/people.ts';
import type { SeenRecord } from '#libs/store/account-store.ts';

const ACCOUNT = '0b6f7f9e-58a5-4c0f-9d59-0b6f7f9e58a5';

/** People who are written down after the first look. */
function stage(seen: readonly string[], late: readonly string[] = []) {
  const waits: number[] = [];
  const asked: (readonly string[])[] = [];
  const written = new Set(seen);
  const people = new People({
    seen: {
      get: async (users) =>
        users
          .filter((user) => written.has(user))
          .map((user): SeenRecord => ({ user, name: user.toUpperCase(), kind: 'user', lastSeen: 1 })),
    },
    users: {
      byIds: async (ids) => {
        asked.push(ids);
        return ids.includes(ACCOUNT) ? [{ id: ACCOUNT, name: 'Ann', mail: 'ann@corp.test' }] : [];
      },
    },
    wait: async (milliseconds) => {
      waits.push(milliseconds);
      for (const user of late) written.add(user);
    },
  });
  return { people, waits, asked };
}

describe('people', () => {
  it('are named in the order asked for, each once, seen or with an account', async () => {
    const { people, waits } = stage(['bob']);
    expect(await people.byIds([ACCOUNT, 'bob', ACCOUNT], 'direct')).toEqual([
      { id: ACCOUNT, name: 'Ann', kind: 'user' },
      { id: 'bob', name: 'BOB', kind: 'user' },
    ]);
    expect(waits).toEqual([]);
  });

  it('who came a moment ago are waited for, before they count as nobody', async () => {
    const { people, waits } = stage(['bob'], ['eve']);
    expect(await people.byIds(['eve', 'bob'], 'direct')).toEqual([
      { id: 'eve', name: 'EVE', kind: 'user' },
      { id: 'bob', name: 'BOB', kind: 'user' },
    ]);
    await expect(people.byIds(['bob', 'nobody'], 'direct')).rejects.toMatchObject({
      code: 'USER_NOT_FOUND',
      message: expect.stringContaining('nobody'),
    });
    expect(waits).toEqual([1000, 1000]);
  });

  it('accounts are asked for once for all ids that nobody came by, and none where everybody came', async () => {
    const { people, asked } = stage(['bob']);
    const nobodies = Array.from({ length: 998 }, (_, n) => `${ACCOUNT.slice(0, -4)}${(n + 1000).toString()}`);
    await expect(people.byIds(['bob', ACCOUNT, ...nobodies], 'groups')).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
    expect(asked.map((ids) => ids.length)).toEqual([999, 998]);
    await people.byIds(['bob'], 'groups');
    expect(asked).toHaveLength(2);
  });
});

function kindStage(kindOf: (user: string, asked: number) => Promise<string | undefined>, here: readonly string[] = []) {
  const asked: string[] = [];
  let now = 0;
  const kinds = new PersonKinds({
    seen: {
      kindOf: (user) => {
        asked.push(user);
        return kindOf(user, asked.length);
      },
    },
    presence: { sessions: async (users) => users.map((user) => (here.includes(user) ? 1 : 0)) },
    steady: () => now,
    wait: async () => undefined,
  });
  return { kinds, asked, pass: (milliseconds: number) => (now += milliseconds) };
}

const never = () => new Promise<undefined>(() => undefined);

describe('who somebody is, by their id', () => {
  it('is asked about once a second', async () => {
    const { kinds, asked, pass } = kindStage(async (_, count) => (count === 1 ? 'guest' : 'user'));
    expect([await kinds.of('a'), await kinds.of('a')]).toEqual(['guest', 'guest']);
    pass(1000);
    expect(await kinds.of('a')).toBe('user');
    expect(asked).toHaveLength(2);
  });

  it('is asked about again where they are here, and nobody wrote down yet who they are; of others it is not known at once', async () => {
    const { kinds, asked } = kindStage(async (_, count) => (count === 3 ? 'agent' : undefined), ['new']);
    expect(await kinds.of('new')).toBe('agent');
    expect(asked).toEqual(['new', 'new', 'new']);
    const nobody = kindStage(async () => undefined);
    expect(await nobody.kinds.of('made up')).toBeUndefined();
    expect(nobody.asked).toHaveLength(1);
    const unwritten = kindStage(async () => undefined, ['new']);
    expect(await unwritten.kinds.of('new')).toBeUndefined();
    expect(unwritten.asked).toHaveLength(5);
  });

  it.each([
    ['does not answer', never],
    ['refuses', () => Promise.reject(new HubError('UNAVAILABLE'))],
  ])('[M1] is not waited for where the store %s: it is left alone for a while', async (_, answer) => {
    const { kinds, asked, pass } = kindStage(answer, ['a', 'b']);
    expect(await kinds.of('a')).toBeUndefined();
    expect(await kinds.of('b')).toBeUndefined();
    expect(asked).toEqual(['a']);
    pass(5000);
    expect(await kinds.of('b')).toBeUndefined();
    expect(asked).toEqual(['a', 'b']);
  });
});
