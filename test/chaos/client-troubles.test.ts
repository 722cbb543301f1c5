import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { Random } from '#test/support/random.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { StayingClient } from '#test/support/staying-client.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const WRITERS = 6;
const MESSAGES = 60;
/** Written before the answer to the first of them is there. */
const AT_ONCE = 4;
const TROUBLES = 10;
/** Below what the gateways take. */
const PACE = { perSecond: 15, burst: 30 };

interface Gate {
  readonly gateway: GatewayProcess;
  readonly proxy: TcpProxy;
}

let hub: TestHub<RedisServer>;
const writers: StayingClient[] = [];
const gates: Gate[] = [];
const random = Random.fromEnvironment('client troubles');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 3, env: { HEARTBEAT_SECONDS: '8', FRAME_RATE: '20' } });
  for (const gateway of hub.gateways) await open(gateway);
});
afterAll(async () => {
  for (const { client } of writers) client.close();
  await Promise.all(gates.map(({ proxy }) => proxy.stop()));
  await hub?.stop();
});

async function open(gateway: GatewayProcess): Promise<void> {
  gates.push({ gateway, proxy: await TcpProxy.start({ target: gateway.port }) });
}

const living = (): Gate[] => gates.filter(({ gateway }) => !gateway.ended);
const anywhere = (): string => `ws://127.0.0.1:${random.pick(living()).proxy.port}`;

/** One thing goes wrong somewhere. */
async function trouble(): Promise<void> {
  const { gateway, proxy } = random.pick(living());
  switch (random.between(0, 3)) {
    case 0:
      await gateway.kill9();
      await open(await hub.add());
      return;
    case 1:
      // Another one first: a drain sends everybody away.
      await open(await hub.add());
      await gateway.term();
      return;
    case 2:
      proxy.forget();
      return;
    default:
      proxy.sever();
  }
}

describe('the client, while gateways die, leave, and lines break', () => {
  it('[M1] [M2] [M4] [M5] says each message once, and hands each over once, in one order for all', async () => {
    const room = hub.name('room');
    const names = Array.from({ length: WRITERS }, (_, i) => hub.name(`writer${i}`));
    for (const user of names) writers.push(new StayingClient({ user, url: anywhere, pace: PACE, random: () => random.next() }));
    const told: unknown[] = [];
    for (const { client } of writers) {
      client.on('resync', (event) => told.push(event.reason));
      client.on('room_lost', (event) => told.push(event));
    }
    await Promise.all(writers.map(({ client }) => client.join(room)));
    let acked = 0;
    const write = async ({ client }: StayingClient, name: string): Promise<void> => {
      for (let n = 0; n < MESSAGES; n += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => client.send(room, `${name} ${n + i}`)));
        acked += AT_ONCE;
      }
    };
    const written = Promise.all(writers.map((writer, i) => write(writer, names[i] ?? '')));
    const all = WRITERS * MESSAGES;
    for (let i = 1; i <= TROUBLES; i += 1) {
      await until(() => acked >= (i * all) / (TROUBLES + 2), { timeoutMs: 60_000, describe: () => `progress after ${acked} of ${all}` });
      await trouble();
    }
    await written;
    for (const writer of writers) await writer.until('message', () => writer.texts(room).length >= all, 60_000);
    const [first] = writers;
    const order = first?.texts(room) ?? [];
    expect(new Set(order).size).toBe(all);
    for (const writer of writers) {
      expect(writer.texts(room)).toEqual(order);
      expect(writer.messages(room).map(({ offset }) => offset)).toEqual(Array.from({ length: all }, (_, i) => i + 1));
    }
    expect(told).toEqual([]);
    const ledgers = writers.map(({ ledger }) => ledger);
    expect(compareLedgers(ledgers, room)).toMatchObject({ violations: [], told: 0, messages: all });
  });
});
