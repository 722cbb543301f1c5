import { describe, expect, it } from 'vitest';
import { Account } from '#services/web/src/account/account.ts';
import { hasLogin } from '#services/web/src/login/browser-login.ts';
import { ApiError, type CallOptions } from '#services/web/src/login/hub-api.ts';

const ANN = { id: 'ann', name: 'Ann', kind: 'user' };

interface Asked {
  readonly path: string;
  readonly token: string | undefined;
}

/** An account over an API that answers as it is told. */
function stage(answer: (path: string, options: CallOptions) => unknown, kept: Record<string, string> = {}, hasLogin = true) {
  const asked: Asked[] = [];
  const storage = new Map(Object.entries(kept));
  const time = { now: 1_700_000_000_000 };
  const account = new Account({
    api: async (_method, path, options = {}) => {
      asked.push({ path, token: options.token });
      const result = answer(path, options);
      if (result instanceof Error) throw result;
      return result;
    },
    storage: {
      getItem: (key) => storage.get(key) ?? null,
      setItem: (key, value) => void storage.set(key, value),
      removeItem: (key) => void storage.delete(key),
    },
    now: () => time.now,
    hasLogin: () => hasLogin,
    locks: undefined,
  });
  return { account, asked, storage, time };
}

const over = () => new ApiError('TOKEN_EXPIRED', 'over');

describe('an account', () => {
  it('[A4] goes on with the login of the browser, and keeps no token where a script finds it', async () => {
    const { account, storage } = stage(() => ({ token: 'secret-1', user: ANN }));
    expect(await account.resume()).toBe(true);
    expect(account.user).toEqual(ANN);
    expect(await account.getToken({ fresh: false })).toBe('secret-1');
    expect(JSON.stringify([...storage])).not.toContain('secret');
  });

  it('[A4] asks for no login that is not there', async () => {
    const { account, asked } = stage(over, {}, false);
    expect([await account.resume(), asked]).toEqual([false, []]);
    const cookies = 'other=1; parley_in=1';
    expect([hasLogin(cookies, 'parley_in'), hasLogin(cookies, 'parley_agent_in'), hasLogin('', 'parley_in')]).toEqual([true, false, false]);
    expect(hasLogin('not_parley_in=1; parley_in=0', 'parley_in')).toBe(false);
  });

  it('[A4] knows no login from one that cannot be asked for', async () => {
    expect(await stage(() => new ApiError('MISSING_TOKEN', 'none')).account.resume()).toBe(false);
    await expect(stage(() => new ApiError('UNREACHABLE', 'away')).account.resume()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('[C] gives null where the login is over, and throws where that is not known', async () => {
    expect(await stage(over).account.getToken({ fresh: true })).toBeNull();
    await expect(stage(() => new ApiError('UNAVAILABLE', 'away')).account.getToken({ fresh: true })).rejects.toThrow('away');
  });

  it('[A4] renews once for all who ask meanwhile', async () => {
    const { account, asked } = stage(() => ({ token: 't', user: ANN }));
    await Promise.all([account.getToken({ fresh: true }), account.getToken({ fresh: true }), account.resume()]);
    expect(asked).toHaveLength(1);
  });

  it('[A4] calls again with a fresh token, once', async () => {
    let fresh = 0;
    const { account, asked } = stage((path, { token }) => {
      if (path === '/auth/refresh') return { token: `t${++fresh}`, user: ANN };
      return token === 't2' ? { rooms: [] } : over();
    });
    await account.resume();
    expect(await account.call('GET', '/rooms')).toEqual({ rooms: [] });
    expect(asked.map(({ path, token }) => `${path} ${token ?? ''}`.trim())).toEqual([
      '/auth/refresh',
      '/rooms t1',
      '/auth/refresh',
      '/rooms t2',
    ]);
    const refused = stage((path) => (path === '/auth/refresh' ? { token: 't', user: ANN } : over()));
    await expect(refused.account.call('GET', '/rooms')).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
    expect(refused.asked).toHaveLength(3);
  });

  it('[A4] takes nobody else who logged in in another tab', async () => {
    let user = ANN;
    const { account } = stage(() => ({ token: 't', user }));
    await account.resume();
    user = { id: 'bob', name: 'Bob', kind: 'user' };
    expect(await account.getToken({ fresh: true })).toBeNull();
    expect(account.user).toEqual(ANN);
  });

  it('[A4] takes no renewal that comes back after it was left', async () => {
    let answer: (login: unknown) => void = () => undefined;
    const { account } = stage(() => new Promise((resolve) => (answer = resolve)));
    const resumed = account.resume();
    await Promise.resolve();
    account.forget();
    answer({ token: 't', user: ANN });
    await resumed;
    expect(account.user).toBeUndefined();
  });

  it('[A2] [A3] asks somebody new for a name, and knows how they came in', async () => {
    const { account } = stage((path) => (path === '/auth/verify' ? { registration: 'ticket' } : { token: 't', user: ANN }));
    expect(await account.proveCode('ann@corp.test', 'ABC123')).toBe('ticket');
    expect(account.user).toBeUndefined();
    await account.register('ticket', 'Ann');
    expect({ user: account.user, way: account.lastWay, name: account.name }).toEqual({ user: ANN, way: 'mail', name: 'Ann' });
  });

  it('[A1] [A2] comes back to the step of this tab after a reload, for ten minutes, and not after it is done', async () => {
    const answers: Record<string, unknown> = {
      '/auth/code': { attempt: 'attempt-1' },
      '/auth/verify': { registration: 'ticket' },
      '/auth/register': { token: 't', user: ANN },
    };
    const { account, storage, time } = stage((path) => answers[path]);
    expect(account.keptStep).toBeUndefined();
    await account.askForCode('ann@corp.test', 'zh');
    expect(account.keptStep).toMatchObject({ is: 'code', claimed: 'ann@corp.test' });
    expect(JSON.stringify([...storage])).not.toContain('attempt-1');
    time.now += 599_999;
    const reloaded = stage((path) => answers[path], Object.fromEntries(storage));
    reloaded.time.now = time.now;
    expect(reloaded.account.keptStep).toMatchObject({ is: 'code' });
    reloaded.time.now += 1;
    expect(reloaded.account.keptStep).toBeUndefined();
    await account.proveCode('ann@corp.test', 'ABC234');
    expect(account.keptStep).toMatchObject({ is: 'name', registration: 'ticket' });
    await account.register('ticket', 'Ann');
    expect([account.keptStep, storage.has('parley.entry')]).toEqual([undefined, false]);
    for (const kept of ['{', '7', '{"is":"else","until":9e15}'])
      expect(stage(over, { 'parley.entry': kept }).account.keptStep).toBeUndefined();
  });
});
