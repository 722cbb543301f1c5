import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { JWT_SECRET, signToken } from '#test/support/jwt.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

async function status(path: string, gateway = 0): Promise<number> {
  return (await fetch(`${hub.gateway(gateway).adminUrl}${path}`)).status;
}

describe('the admin port', () => {
  it('[H1] answers for health and readiness', async () => {
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(200);
    expect(await status('/nothing')).toBe(404);
  });

  it.each(['/healthz', '/readyz', '/metrics', '/admin/queues'])('[H1] the public port does not have %s', async (path) => {
    expect((await fetch(`${hub.gateway(0).httpUrl}${path}`)).status).toBe(404);
  });

  it('[H1] counts what happens', async () => {
    const room = hub.name('room');
    const gateway = hub.gateway(0);
    const inBefore = await gateway.metric('parley_messages_received_total');
    const ada = await hub.client('ada', 0);
    await ada.join(room);
    await ada.message(room, 'hi');
    await ada.waitFor('message');
    await until(async () => (await gateway.metric('parley_connections')) === 1, { describe: 'one connection' });
    expect(await gateway.metric('parley_messages_received_total')).toBe(inBefore + 1);
    expect(await gateway.metric('parley_build_info')).toBe(1);
    const response = await fetch(`${gateway.adminUrl}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    expect(text).not.toContain('ada');
    expect(text).not.toContain(room);
  });
});

describe('traffic', () => {
  it('[H1] is counted in bytes of frames, both ways, whatever the frames are', async () => {
    const gateway = hub.gateway(0);
    const traffic = (): Promise<number[]> =>
      Promise.all(['parley_received_bytes_total', 'parley_sent_bytes_total'].map((name) => gateway.metric(name)));
    const [before = [], room] = [await traffic(), hub.name('room')];
    let [said, heard] = [0, 0];
    const raw = await RawClient.open(`${gateway.url}/ws/chat`, {
      token: signToken({ sub: 'ada' }),
      onText: (text) => {
        heard += Buffer.byteLength(text);
      },
    });
    for (const frame of [
      { type: 'join', room },
      { type: 'message', room, text: '你好 🦆' },
      { type: 'ping' },
      { type: 'presence', room },
      {},
    ]) {
      const text = JSON.stringify(frame);
      said += Buffer.byteLength(text);
      raw.send(text);
    }
    await until(async () => (await traffic()).every((bytes, i) => bytes - (before[i] ?? 0) === [said, heard][i]), {
      describe: () => `said ${said}, heard ${heard}`,
    });
    raw.reset();
  });
});

describe('Redis away', () => {
  it('[H4] fails readiness and refuses with 503 while it is away, and comes back by itself', async () => {
    const ada = await hub.client('ada', 0);
    hub.backend.pause();
    try {
      await until(async () => (await status('/readyz')) === 503, { timeoutMs: 20_000, describe: 'readiness fails' });
      expect(await status('/healthz')).toBe(200);
      await expect(ChatClient.connect(hub.gateway(0).url, 'bob')).rejects.toMatchObject({ response: { status: 503 } });
    } finally {
      hub.backend.resume();
    }
    await until(async () => (await status('/readyz')) === 200 && (await status('/readyz', 1)) === 200, { timeoutMs: 20_000 });
    const bob = await hub.client('bob', 1);
    await until(async () => (await bob.onLineNumber()) === 2, { describe: 'both online' });
    expect(ada.connected).toBe(true);
  });
});

describe('starting', () => {
  it('[H1] says in one line that a port is taken, and exits', async () => {
    const { child } = GatewayProcess.launch({ ...hub.settings, PORT: String(hub.gateway(0).port) });
    expect((await child.exited).code).toBeGreaterThan(0);
    expect(child.output).toContain(String(hub.gateway(0).port));
    expect(child.output).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['JWT_SECRET', { JWT_SECRET: 'short' }],
    ['REDIS_URL', { REDIS_URL: undefined }],
    ['REDIS_URL', { REDIS_URL: 'http://127.0.0.1/' }],
    ['PORT', { PORT: 'x' }],
  ])('[H1] names the setting %s that it cannot take: %j', async (name, env) => {
    const { child } = GatewayProcess.launch({ REDIS_URL: hub.backend.url, JWT_SECRET, ...env });
    expect((await child.exited).code).toBeGreaterThan(0);
    expect(child.output).toContain(name);
    expect(child.output).not.toMatch(/^\s+at /m);
    expect(child.output).not.toContain(JWT_SECRET);
  });

  it('[H1] waits for a Redis that is not there yet and says so, or says so and exits', async () => {
    const port = await freePort();
    const launched = GatewayProcess.launch({ REDIS_URL: `redis://127.0.0.1:${port}` });
    try {
      await until(() => launched.child.ended || /redis/i.test(launched.child.output), {
        timeoutMs: 20_000,
        describe: 'a word about Redis',
      });
      expect(launched.child.output).toMatch(/redis/i);
      expect(launched.listening()).toBeUndefined();
    } finally {
      launched.child.signal('SIGKILL');
      await launched.child.exited;
    }
  });
});
