import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ClientFleet, type FleetClient } from '#test/support/client-fleet.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';

let hub: TestHub<RedisServer>;
const fleet = new ClientFleet();
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { SESSIONS: 'single' } });
});
afterEach(() => fleet.clear());
afterAll(() => hub?.stop());

async function login(user: string, gateway: number, name: string): Promise<FleetClient> {
  const client = fleet.client({ user, url: () => hub.gateway(gateway).url, claims: { login: name } });
  await client.until('status', () => client.client.status.state !== 'connecting');
  return client;
}

describe('one login at a time', () => {
  it('[R4] [C 4509] the older one is told, stays away, and its promises end', async () => {
    const user = hub.name('ada');
    const old = await login(user, 0, 'one');
    const kicked = old.next('kicked');
    const closed = old.next('status', ({ state }) => state === 'closed');
    const fresh = await login(user, 1, 'two');
    expect(await kicked).toMatchObject({ reason: 'SESSION_REPLACED' });
    expect(await closed).toMatchObject({ reason: { code: 'SESSION_REPLACED', closeCode: 4509 } });
    await expect(old.client.send('park', 'x')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await fresh.client.online()).toBe(1);
    expect(old.states).toEqual(['connecting', 'connected', 'closed']);
  });

  it('[R4] [C 4509] told to connect all the same, it is sent away again', async () => {
    const user = hub.name('ada');
    const old = await login(user, 0, 'one');
    const fresh = await login(user, 1, 'two');
    await old.until('status', () => old.client.status.state === 'closed');
    const again = old.next('status', ({ state }) => state === 'closed');
    old.client.connect();
    expect(await again).toMatchObject({ reason: { code: 'SESSION_REPLACED' } });
    expect(fresh.client.status.state).toBe('connected');
  });

  it('[R4] tabs of one login stay', async () => {
    const user = hub.name('ada');
    const tabs = [await login(user, 0, 'one'), await login(user, 1, 'one')];
    for (const { client } of tabs) expect(await client.online()).toBe(1);
    expect(tabs.map(({ client }) => client.status.state)).toEqual(['connected', 'connected']);
  });
});
