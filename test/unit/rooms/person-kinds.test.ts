import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { PersonKinds } from '#libs/rooms/person-kinds.ts';

function stage(kindOf: (user: string, asked: number) => Promise<string | undefined>, here: readonly string[] = []) {
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
    const { kinds, asked, pass } = stage(async (_, count) => (count === 1 ? 'guest' : 'user'));
    expect([await kinds.of('a'), await kinds.of('a')]).toEqual(['guest', 'guest']);
    pass(1000);
    expect(await kinds.of('a')).toBe('user');
    expect(asked).toHaveLength(2);
  });

  it('is asked about again where they are here, and nobody wrote down yet who they are; of others it is not known at once', async () => {
    const { kinds, asked } = stage(async (_, count) => (count === 3 ? 'agent' : undefined), ['new']);
    expect(await kinds.of('new')).toBe('agent');
    expect(asked).toEqual(['new', 'new', 'new']);
    const nobody = stage(async () => undefined);
    expect(await nobody.kinds.of('made up')).toBeUndefined();
    expect(nobody.asked).toHaveLength(1);
    const unwritten = stage(async () => undefined, ['new']);
    expect(await unwritten.kinds.of('new')).toBeUndefined();
    expect(unwritten.asked).toHaveLength(5);
  });

  it.each([
    ['does not answer', never],
    ['refuses', () => Promise.reject(new HubError('UNAVAILABLE'))],
  ])('[M1] is not waited for where the store %s: it is left alone for a while', async (_, answer) => {
    const { kinds, asked, pass } = stage(answer, ['a', 'b']);
    expect(await kinds.of('a')).toBeUndefined();
    expect(await kinds.of('b')).toBeUndefined();
    expect(asked).toEqual(['a']);
    pass(5000);
    expect(await kinds.of('b')).toBeUndefined();
    expect(asked).toEqual(['a', 'b']);
  });
});
