import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { GatewayProcess, THROUGH_NPM } from '#test/support/gateway-process.ts';
import { compareLedgers } from '#test/support/ledger.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

let redis: RedisServer;
let database: PostgresDatabase;
let parent: GatewayProcess;

beforeAll(async () => {
  [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
  parent = await start();
});
afterAll(async () => {
  await parent?.kill9();
  await redis?.stop();
  await database?.drop();
});

function start(env: Readonly<Record<string, string>> = {}, command?: readonly string[]): Promise<GatewayProcess> {
  return GatewayProcess.start(
    {
      REDIS_URL: redis.url,
      DATABASE_URL: database.url,
      GATEWAY_PROCESSES: '2',
      HANDSHAKES_PER_MINUTE: '0',
      DRAIN_SECONDS: '30',
      ...env,
    },
    command,
  );
}

async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[1]) === pid && fields[0] !== 'Z') children.push(Number(entry));
  }
  return children;
}

async function running(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
}

/** Clients until both processes have some: the kernel deals connections out as it likes. */
async function crowd(gateway: GatewayProcess): Promise<ChatClient[]> {
  const clients: ChatClient[] = [];
  while (new Set(clients.map((client) => client.welcome.node)).size < 2 || clients.length < 10) {
    if (clients.length > 100) throw new Error('one process gets all connections');
    clients.push(await ChatClient.connect(gateway.url, `u${clients.length}`));
  }
  return clients;
}

describe('GATEWAY_PROCESSES', () => {
  it('[H6] serves one port from several processes, with numbered nodes', async () => {
    const clients = await crowd(parent);
    expect(await childrenOf(parent.pid)).toHaveLength(2);
    const nodes = new Set(clients.map((client) => client.welcome.node));
    expect([...nodes].map((node) => node?.replace(/\d+$/, ''))).toEqual([expect.any(String), expect.any(String)]);
    expect(await clients[0]?.onLineNumber()).toBe(clients.length);
    await Promise.all(clients.map((client) => client.join('together')));
    await Promise.all(clients.map((client) => client.message('together', 'hi')));
    await until(() => clients.every((client) => client.ledger.position('together')?.offset === clients.length));
    expect(
      compareLedgers(
        clients.map((client) => client.ledger),
        'together',
      ),
    ).toMatchObject({ violations: [], told: 0 });
    await Promise.all(clients.map((client) => client.close()));
  });

  it('[H1] has one admin port that answers for all', async () => {
    const clients = await crowd(parent);
    expect((await fetch(`${parent.adminUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${parent.adminUrl}/readyz`)).status).toBe(200);
    await until(async () => (await parent.metric('parley_connections')) === clients.length, { describe: `${clients.length} connections` });
    await Promise.all(clients.map((client) => client.close()));
    await until(async () => (await parent.metric('parley_connections')) === 0);
  });

  it('[H1] totals do not fall where a process dies, is slow or starts again, and gauges forget the dead', async () => {
    const group = await start();
    try {
      const totals = async (): Promise<number[]> => [
        await group.metric('parley_upgrades_total'),
        await group.metric('parley_delivery_latency_seconds_count'),
        await group.metric('parley_delivery_latency_seconds_bucket', 'le="+Inf"'),
        await group.metric('parley_disconnects_total'),
      ];
      const clients = await crowd(group);
      await Promise.all(clients.map((client) => client.join('counted')));
      await clients[0]?.message('counted', 'hi');
      await until(() => clients.every((client) => client.ledger.position('counted')?.offset === 1));
      const before = await totals();
      expect(before[0]).toBe(clients.length);
      expect(before[1]).toBe(2);
      const [slow = 0, doomed = 0] = await childrenOf(group.pid);
      process.kill(slow, 'SIGSTOP');
      expect(await totals()).toEqual(before);
      process.kill(slow, 'SIGCONT');
      process.kill(doomed, 'SIGKILL');
      await until(() => clients.some((client) => !client.connected));
      const left = (): number => clients.filter((client) => client.connected).length;
      // Asked again and again until the new one is there: no answer may be less than the one before.
      let last = before;
      await until(async () => {
        const now = await totals();
        for (const [i, total] of now.entries()) expect(total).toBeGreaterThanOrEqual(last[i] ?? 0);
        last = now;
        const again = await childrenOf(group.pid);
        return again.length === 2 && !again.includes(doomed) && (await group.metric('parley_connections')) === left();
      });
      // Both count on.
      const more = await crowd(group);
      await until(async () => (await group.metric('parley_upgrades_total')) === clients.length + more.length);
    } finally {
      await group.kill9();
    }
  });

  it('[P3] starts a process again that died, while the others carry on', async () => {
    const clients = await crowd(parent);
    const [victim] = await childrenOf(parent.pid);
    if (victim === undefined) throw new Error('no child');
    process.kill(victim, 'SIGKILL');
    await until(async () => {
      const children = await childrenOf(parent.pid);
      return children.length === 2 && !children.includes(victim);
    });
    // Which of the two it was shows when all of its clients lost their line.
    const lost = (node: string | undefined): boolean => clients.every((client) => client.connected === (client.welcome.node !== node));
    await until(() => clients.some((client) => lost(client.welcome.node)), { describe: 'the clients of one node lost their line' });
    const survivor = clients.find((client) => client.connected);
    if (survivor === undefined) throw new Error('nobody stayed');
    await survivor.join('after');
    expect(messageOf(await survivor.message('after', 'still here')).offset).toBeGreaterThan(0);
    const left = clients.filter((client) => client.connected).length;
    expect(left).toBeLessThan(clients.length);
    await until(async () => (await survivor.onLineNumber()) === left, {
      timeoutMs: 10_000 + MACHINE_MS,
      describe: 'the exact count within 10 s',
    });
    // There long before it listens.
    const lands = async (): Promise<string | undefined> => {
      const probe = await ChatClient.connect(parent.url, 'probe');
      await probe.close();
      return probe.welcome.node;
    };
    await until(async () => (await lands()) !== survivor.welcome.node, {
      timeoutMs: 20_000,
      describe: 'the new process takes connections',
    });
    const again = await crowd(parent);
    await Promise.all([...clients, ...again].map((client) => client.close()));
  });

  it('[D1] drains all on SIGTERM and exits 0', async () => {
    const leaving = await start();
    const clients = await crowd(leaving);
    const children = await childrenOf(leaving.pid);
    const exit = leaving.term();
    for (const close of await Promise.all(clients.map((client) => client.closed))) expect(close.code).toBe(1012);
    expect(await exit).toBe(0);
    for (const child of children) expect(await running(child)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '[D1] drains all where the whole group gets %s, as from a terminal or systemd',
    async (signal) => {
      const leaving = await start();
      const clients = await crowd(leaving);
      const closes = Promise.all(clients.map((client) => client.closed));
      // Each child once from the group, and once more from its parent.
      for (const child of await childrenOf(leaving.pid)) process.kill(child, signal);
      const exit = leaving.term();
      for (const close of await closes) expect(close.code).toBe(1012);
      expect(await exit).toBe(0);
    },
  );

  it.each([
    ['one process', 'SIGTERM', '1'],
    ['several', 'SIGTERM', '2'],
    ['several', 'SIGINT', '2'],
  ] as const)('[D1] drains %s started by npm where the whole group gets %s', async (_what, signal, count) => {
    const leaving = await start({ GATEWAY_PROCESSES: count }, THROUGH_NPM);
    const clients = await Promise.all(Array.from({ length: 5 }, (_, i) => ChatClient.connect(leaving.url, `u${i}`)));
    const closes = Promise.all(clients.map((client) => client.closed));
    const exit = leaving.termGroup(signal);
    for (const close of await closes) expect(close).toEqual({ code: 1012, reason: 'DRAINING' });
    expect(await exit).toBe(0);
  });

  it('[D1] leaves no process behind when the parent is killed', async () => {
    const doomed = await start();
    const children = await childrenOf(doomed.pid);
    expect(children).toHaveLength(2);
    await doomed.kill9();
    await until(async () => (await Promise.all(children.map(running))).every((alive) => !alive), {
      timeoutMs: 15_000,
      describe: 'the children of a dead parent ended',
    });
  });
});
