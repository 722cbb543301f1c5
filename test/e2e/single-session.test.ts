import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient, ConnectionLost } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { SESSIONS: 'single' } });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

const login = (name: string): { readonly claims: { readonly login: string } } => ({ claims: { login: name } });

/** The frames and the close that a connection gets which may be refused after the 101. */
async function tryConnect(gateway: number, user: string, name: string): Promise<{ code: number; reason: string; types: string[] }> {
  const types: string[] = [];
  const raw = await RawClient.open(`${hub.gateway(gateway).url}/ws/chat`, {
    token: signToken({ sub: user, login: name }),
    onText: (text) => types.push(JSON.parse(text).type),
  });
  return { ...(await raw.closed), types };
}

describe('R4 single-session mode', () => {
  it('[R4] [R5] [C 4509] a newer login kicks the older one on every node', async () => {
    const user = hub.name('ada');
    const old = [await hub.client(user, 0, login('one')), await hub.client(user, 1, login('one'))];
    const fresh = await hub.client(user, 1, login('two'));
    for (const tab of old) {
      expect(await tab.closed).toEqual({ code: 4509, reason: 'SESSION_REPLACED' });
      expect(tab.frames.at(-1)).toMatchObject({ type: 'kicked', reason: 'SESSION_REPLACED' });
    }
    expect(await fresh.onLineNumber()).toBe(1);
  });

  it('[R4] [C 4509] the older login that comes back is refused the same way, on every node', async () => {
    const user = hub.name('ada');
    const old = await hub.client(user, 0, login('one'));
    const fresh = await hub.client(user, 0, login('two'));
    await old.closed;
    for (const gateway of [0, 1, 0]) {
      expect(await tryConnect(gateway, user, 'one')).toMatchObject({ code: 4509, reason: 'SESSION_REPLACED', types: ['kicked'] });
    }
    expect(fresh.connected).toBe(true);
    expect(await fresh.onLineNumber()).toBe(1);
    await fresh.close();
    expect(await tryConnect(1, user, 'one'), 'even when the newer one has gone').toMatchObject({ code: 4509 });
  });

  it('[R4] tabs of one login stay beside each other', async () => {
    const user = hub.name('ada');
    const tabs = [
      await hub.client(user, 0, login('one')),
      await hub.client(user, 1, login('one')),
      await hub.client(user, 0, login('one')),
    ];
    for (const tab of tabs) expect(await tab.onLineNumber()).toBe(1);
    expect(tabs.every((tab) => tab.connected)).toBe(true);
  });

  it('[R4] without the claim every connection is a login of its own', async () => {
    const user = hub.name('ada');
    const first = await hub.client(user, 0);
    const second = await hub.client(user, 1);
    expect(await first.closed).toMatchObject({ code: 4509 });
    const third = await hub.client(user, 0);
    expect(await second.closed).toMatchObject({ code: 4509 });
    expect(await third.onLineNumber()).toBe(1);
  });

  it('[R4] other users are not touched', async () => {
    const ada = await hub.client(hub.name('ada'), 0, login('one'));
    const bob = await hub.client(hub.name('bob'), 0, login('two'));
    expect(await ada.onLineNumber()).toBe(2);
    expect(bob.connected).toBe(true);
  });

  it('[R4] ten logins at once over both nodes leave exactly one', async () => {
    const user = hub.name('ada');
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => ChatClient.connect(hub.gateway(i % 2).url, user, login(`login${i}`))),
    );
    for (const attempt of attempts) if (attempt.status === 'rejected') expect(attempt.reason).toBeInstanceOf(ConnectionLost);
    const clients = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    await until(() => clients.filter((client) => client.connected).length === 1, {
      describe: () => `one left of ${clients.filter((client) => client.connected).length}`,
    });
    const winner = clients.find((client) => client.connected);
    expect(await winner?.onLineNumber()).toBe(1);
    for (const loser of clients.filter((client) => client !== winner)) expect(loser.closes.at(-1)).toMatchObject({ code: 4509 });
    await winner?.close();
  });
});
