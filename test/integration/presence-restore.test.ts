import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PresenceNode, replay } from '#test/support/presence-node.ts';
import { QUICK } from '#test/support/presence-process.ts';
import { PresenceStage } from '#test/support/presence-stage.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('putting everything back while people come and go', () => {
  let server: RedisServer;
  let stage: PresenceStage;
  beforeEach(async () => {
    server = await RedisServer.start();
    stage = await PresenceStage.open(server, 'restore');
  });
  afterEach(async () => {
    await stage.close();
    await server.stop();
  });

  /** Some random operations on a node; failures of a Redis that is away are what the caller of a port sees too. */
  function operate(node: PresenceNode, random: () => number, serial: number): Promise<unknown>[] {
    const user = `user${Math.floor(random() * 40)}`;
    const room = `room${Math.floor(random() * 4)}`;
    const known = [...node.connections.keys()];
    const victim = known[Math.floor(random() * known.length)];
    const pick = random();
    const done: Promise<unknown>[] = [];
    if (pick < 0.3) done.push(node.connect(`${serial}`, user));
    else if (pick < 0.55 && victim !== undefined) done.push(node.disconnect(victim));
    else if (pick < 0.8) done.push(node.enter(room, user));
    else if (node.rooms.has(`${room} ${user}`)) done.push(node.leave(room, user));
    return done.map((one) => one.catch(() => node.leave(room, user)));
  }

  it.each([11, 12, 13, 14])('[P3] is exact after kills of connections, reaping by others and losses under load (seed %i)', async (seed) => {
    const random = seeded(seed);
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => stage.node(name)));
    const troubles = [
      () => server.command('CLIENT', 'KILL', 'TYPE', 'normal'),
      () => server.command('FLUSHALL'),
      () => server.restartEmpty(),
      () => server.save(),
      () => server.restart(),
      // What a reaper does to a node that froze.
      async () => {
        const leases = (await server.command('ZRANGE', 'restore:{p0}:leases', 0, -1)) as string[];
        const id = leases.filter((lease) => lease.includes('~'))[Math.floor(random() * 3)];
        if (id !== undefined) await server.command('ZADD', 'restore:{p0}:leases', 'XX', 1, id);
      },
    ];
    const pending: Promise<unknown>[] = [];
    let serial = 0;
    for (let round = 0; round < 12; round += 1) {
      const trouble = troubles[Math.floor(random() * troubles.length)]?.().catch(() => undefined);
      const end = performance.now() + 60 + random() * 400;
      while (performance.now() < end) {
        for (const node of nodes) for (let i = 0; i < 5; i += 1) pending.push(...operate(node, random, serial++));
        await new Promise((resolve) => setTimeout(resolve, random() * 6));
      }
      await trouble;
    }
    await Promise.all(pending);
    await stage.exact();
    expect(stage.restored).toBeGreaterThan(2);
  });

  it('[P3] a node cut off for longer than its lease is reaped and comes back; the others go on; each is announced once', async () => {
    const proxy = await TcpProxy.start({ target: server.port });
    try {
      const [a, b] = [await stage.node('a'), await stage.node('b')];
      const cut = await stage.node('cut', QUICK, `redis://127.0.0.1:${proxy.port}`);
      for (let i = 0; i < 30; i += 1) await Promise.all([cut.connect(`c${i}`, `user${i}`), cut.enter('park', `user${i}`)]);
      await a.connect('c', 'user0');
      await a.enter('park', 'user0');
      proxy.cut();
      await until(() => stage.reaped.length > 0);
      expect(await b.presence.online()).toBe(1);
      await b.connect('x', 'xenia');
      await Promise.all([cut.disconnect('c5'), cut.leave('park', 'user5')]);
      proxy.heal();
      await stage.exact();
      const heard = await stage.heard('park');
      expect(replay(heard)).toEqual(new Set([...cut.rooms.values()].map(({ user }) => user.id)));
      expect(heard).toHaveLength(30 + 29 + 28);
    } finally {
      await proxy.stop();
    }
  });

  it('[P3] a connection that broke without any loss announces nobody', async () => {
    const nodes = await Promise.all(['a', 'b'].map((name) => stage.node(name)));
    for (let i = 0; i < 30; i += 1)
      await Promise.all([nodes[i % 2]?.connect(`c${i}`, `user${i}`), nodes[i % 2]?.enter('park', `user${i}`)]);
    const before = await stage.heard('park');
    const late = nodes[0]?.connect('late', 'latecomer');
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await late;
    await stage.exact();
    expect(await stage.heard('park')).toEqual(before);
    expect(stage.reaped).toEqual([]);
  });

  it('[D1] closes 5,000 connections in 5,000 rooms within seconds, even while Redis has just come back', async () => {
    const node = await stage.node('a');
    const other = await stage.node('b');
    await Promise.all(
      Array.from({ length: 5000 }, (_, i) => Promise.all([node.connect(`c${i}`, `user${i}`), node.enter(`room${i}`, `user${i}`)])),
    );
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await node.connect('last', 'last');
    const spent = stopwatch();
    await node.presence.close();
    expect(spent()).toBeLessThan(3000 + MACHINE_MS);
    stage.nodes.delete('a');
    await stage.exact();
    expect(await other.presence.online()).toBe(0);
  });

  it('[D1] a close while Redis is away ends soon, and the lease does the rest', async () => {
    const node = await stage.node('a');
    await node.connect('c', 'ann');
    await server.kill();
    const spent = stopwatch();
    await node.presence.close();
    expect(spent()).toBeLessThan(3000 + MACHINE_MS);
    await expect(node.presence.connect({ id: 'd', user: { id: 'd', name: 'd', kind: 'user' } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await server.restart();
  });
});
