import { describe, expect, it } from 'vitest';

import { hubApi } from '#services/web/src/login/hub-api.ts';

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
});
