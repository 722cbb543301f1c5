import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WallClock } from '#test/support/wall-clock.ts';

/** The gateway whose clock is set, and another one that is right. */
const [SET, RIGHT] = [0, 1];
/** More refusals than close a connection. */
const FRAMES = 250;

const clock = new WallClock();
let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  // Limits that nobody reaches who is counted by the time that passes.
  const env = {
    FRAME_RATE: '5000',
    FRAME_BURST: '1000',
    HISTORY_PAGES_PER_SECOND: '100',
    USER_BYTES_PER_SECOND: '100000',
    USER_BYTES_BURST: '100000',
  };
  hub = await TestHub.single({ gateways: 0, env });
  await hub.add(clock.env);
  await hub.add();
});
afterEach(async () => {
  clock.set(0);
  await hub.clear();
});
afterAll(async () => {
  await hub?.stop();
  clock.remove();
});

/** Sends and awaits every kind of frame that is limited, hundreds of times. */
async function busy(client: ChatClient, room: string): Promise<void> {
  for (let n = 0; n < FRAMES; n += 1) {
    client.typing(room);
    await client.request({ type: 'ping' });
  }
  await client.message(room, `busy ${client.mark()}`);
  await client.history(room);
}

async function seesChanges(watcher: ChatClient): Promise<void> {
  const room = hub.name('open:counted');
  await watcher.join(room);
  const other = await hub.client(hub.name('other'), RIGHT);
  await other.join(room);
  await until(() => watcher.roomOnline.get(room) === 2 && watcher.online === 3, { timeoutMs: 8000, describe: () => `${watcher.online}` });
  await other.close();
  await until(() => watcher.roomOnline.get(room) === 1 && watcher.online === 2, { timeoutMs: 8000, describe: () => `${watcher.online}` });
}

describe('a gateway whose wall clock is set', () => {
  it.each([
    ['back by a minute', -60],
    ['ahead by a minute', 60],
    ['back by an hour', -3600],
    ['ahead by an hour', 3600],
  ])('%s closes nobody, goes on counting and tidying, and lets limits be', async (_, seconds) => {
    const room = hub.name('open:set');
    const ada = await hub.client(hub.name('ada'), SET, { claims: { exp: clock.now() + 36_000 } });
    const bob = await hub.client(hub.name('bob'), RIGHT);
    for (const one of [ada, bob]) await one.join(room);
    await busy(ada, room);
    clock.set(seconds);
    await busy(ada, room);
    await bob.message(room, 'hello');
    await ada.waitFor('message', ({ message }) => (message as { text: string }).text === 'hello');
    await seesChanges(ada);
    // An empty room is left behind by the gateway a second after the last one has gone.
    const rooms = await hub.gateway(SET).metric('parley_rooms');
    await ada.leave(room);
    await until(async () => (await hub.gateway(SET).metric('parley_rooms')) < rooms, { timeoutMs: 8000 });
    expect([ada.closes, bob.closes]).toEqual([[], []]);
    expect(ada.of('error')).toEqual([]);
  });

  it('is set against the clock of Redis, so that what it measures of deliveries stays true', async () => {
    const room = hub.name('open:measured');
    const [ada, bob] = [await hub.client(hub.name('ada'), SET), await hub.client(hub.name('bob'), RIGHT)];
    for (const one of [ada, bob]) await one.join(room);
    expect(await hub.gateway(RIGHT).metric('parley_clock_offset_seconds')).toBe(0);
    clock.set(3600);
    const offset = () => hub.gateway(SET).metric('parley_clock_offset_seconds');
    await until(async () => Math.abs((await offset()) - 3600) < 5, { timeoutMs: 20_000 });
    const measured = (what: string) => hub.gateway(SET).metric(`parley_delivery_latency_seconds_${what}`);
    const [count, sum] = [await measured('count'), await measured('sum')];
    await bob.message(room, 'how late is it?');
    await ada.waitFor('message', ({ message }) => (message as { text: string }).text === 'how late is it?');
    expect((await measured('count')) - count).toBe(1);
    expect((await measured('sum')) - sum).toBeLessThan(60);
  });

  it('[C 4001] ends tokens by the clock as it is now, be it set back or ahead', async () => {
    const there = await hub.client(hub.name('ada'), SET, { claims: { exp: clock.now() + 600 } });
    clock.set(-3600);
    // Over by now, within the skew that is forgiven.
    const late = await hub.client(hub.name('bob'), SET, { token: signToken({ sub: 'bob', exp: clock.now() - 3 }) });
    expect((await until(() => late.closes[0], { timeoutMs: 12_000 })).code).toBe(4001);
    expect(there.closes).toEqual([]);
    clock.set(700);
    expect((await until(() => there.closes[0], { timeoutMs: 65_000 })).code).toBe(4001);
  });
});
