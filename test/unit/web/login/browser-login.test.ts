import { describe, expect, it } from 'vitest';
import { BrowserLogin, type BrowserLoginOptions } from '#services/web/src/login/browser-login.ts';
import { hubApi } from '#services/web/src/login/hub-api.ts';

interface Asked {
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

type Reply = readonly [status: number, body: object] | 'nothing';

function world(replies: Reply[], more: Partial<BrowserLoginOptions> = {}) {
  const asked: Asked[] = [];
  const login = new BrowserLogin({
    renewal: () => ({ path: '/auth/refresh' }),
    lock: 'lock',
    api: hubApi(async (input, init) => {
      const headers = new Headers(init?.headers);
      asked.push({
        path: String(input),
        body: init?.body === undefined ? undefined : JSON.parse(String(init.body)),
        authorization: headers.get('authorization') ?? undefined,
      });
      const reply = replies.shift() ?? 'nothing';
      if (reply === 'nothing') throw new TypeError('fetch failed');
      return new Response(reply[0] === 204 ? null : JSON.stringify(reply[1]), { status: reply[0] });
    }),
    locks: undefined,
    ...more,
  });
  return { login, asked };
}

const answer = (token: string, id = 'a1'): Reply => [200, { token, user: { id, name: 'Max', kind: 'agent' } }];
const over: Reply = [401, { code: 'TOKEN_EXPIRED', message: 'over' }];

describe('a login of a browser', () => {
  it('goes on with the cookie; its token is there for connections and calls', async () => {
    const { login, asked } = world([answer('t1'), [200, { ok: true }], answer('t2')]);
    expect(await login.resume()).toBe(true);
    expect(login.user).toEqual({ id: 'a1', name: 'Max', kind: 'agent' });
    expect(await login.getToken({ fresh: false })).toBe('t1');
    await login.call('GET', '/agents');
    expect(asked[1]).toEqual({ path: '/api/v1/agents', body: undefined, authorization: 'Bearer t1' });
    expect(await login.getToken({ fresh: true })).toBe('t2');
  });

  it('is none where the cookie is over, or suddenly of somebody else', async () => {
    expect(await world([over]).login.resume()).toBe(false);
    const { login } = world([answer('t1'), answer('t2', 'a2')]);
    await login.resume();
    expect(await login.getToken({ fresh: true })).toBeNull();
  });

  it('tells the hub whose it is, where the browser has more than one', async () => {
    const body = { kind: 'agent' };
    const { login, asked } = world([answer('t1'), [204, {}]], { renewal: () => ({ path: '/auth/refresh', body }), ending: body });
    await login.resume();
    await login.leave();
    expect(asked).toEqual([
      { path: '/api/v1/auth/refresh', body, authorization: undefined },
      { path: '/api/v1/auth/logout', body, authorization: 'Bearer t1' },
    ]);
  });

  it('renews once for all who ask, and a refused call is asked again', async () => {
    const { login, asked } = world([answer('t1'), over, answer('t2'), [200, { ok: true }]]);
    expect(await Promise.all([login.resume(), login.resume()])).toEqual([true, true]);
    expect(await login.call('GET', '/x')).toEqual({ ok: true });
    expect(asked.map(({ path, authorization }) => `${path} ${authorization ?? ''}`)).toEqual([
      '/api/v1/auth/refresh ',
      '/api/v1/x Bearer t1',
      '/api/v1/auth/refresh ',
      '/api/v1/x Bearer t2',
    ]);
  });

  it('[A4] asks again at once after a renewal that got no answer', async () => {
    const { login, asked } = world(['nothing', answer('t1')]);
    await expect(login.resume()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect([login.user, await login.resume(), login.user?.id]).toEqual([undefined, true, 'a1']);
    expect(asked).toHaveLength(2);
  });

  it('does without locks where a frame is denied them, and does nothing twice', async () => {
    const denied = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) } as unknown as LockManager;
    const { login, asked } = world([answer('t1')], { locks: denied });
    expect(await login.resume()).toBe(true);
    const given = { request: async (_name: string, task: () => Promise<unknown>) => task() } as unknown as LockManager;
    const other = world(['nothing', answer('t1')], { locks: given });
    await expect(other.login.enter('/public/login', { username: 'Max' })).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect([asked.length, other.asked.length]).toEqual([1, 1]);
  });
});
