import { afterEach, describe, expect, it, vi } from 'vitest';

import { CALL_MS, hubApi } from '#services/web/src/login/hub-api.ts';

afterEach(() => void vi.useRealTimers());

describe('a call of the hub', () => {
  const answering = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    hubApi(async () => new Response(body === undefined ? null : JSON.stringify(body), { status, headers }));

  it('[A12] rejects with the code of the hub, and what it says of when to come back', async () => {
    const call = answering(429, { code: 'RATE_LIMITED', message: 'slow down' }, { 'retry-after': '7' });
    await expect(call('POST', '/auth/code')).rejects.toMatchObject({ code: 'RATE_LIMITED', message: 'slow down', retryAfter: 7 });
    expect(await answering(204, undefined)('POST', '/auth/logout')).toBeUndefined();
  });

  it('[A12] says that nobody answered, also where a proxy did in its place', async () => {
    await expect(hubApi(() => Promise.reject(new TypeError('failed')))('GET', '/online')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    const html = hubApi(async () => new Response('<h1>Bad Gateway</h1>', { status: 502 }));
    await expect(html('GET', '/online')).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('[A12] gives up a call that hangs, before its head or in its body', async () => {
    vi.useFakeTimers();
    const hanging = hubApi(
      (_input, init) => new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
    );
    const stalling = hubApi(async (_input, init) => {
      const start = (body: ReadableStreamDefaultController) =>
        init?.signal?.addEventListener('abort', () => body.error(init.signal?.reason));
      return new Response(new ReadableStream({ start }));
    });
    for (const call of [hanging, stalling]) {
      const failed = expect(call('POST', '/auth/refresh')).rejects.toMatchObject({ code: 'UNREACHABLE' });
      await vi.advanceTimersByTimeAsync(CALL_MS);
      await failed;
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});
