import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PresenceNode } from '#test/support/presence-node.ts';
import { QUICK } from '#test/support/presence-process.ts';
import { PresenceStage } from '#test/support/presence-stage.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

const DEFAULTS = { leaseMs: 6000, renewMs: 2000, pollMs: 50 };

/** Users 0-59 over three nodes, half of them on two. */
async function populate(nodes: readonly PresenceNode[]): Promise<void> {
  const [a, b, c] = nodes;
  const work: (Promise<unknown> | undefined)[] = [];
  for (let i = 0; i < 60; i += 1) {
    const node = [a, b, c][i % 3];
    work.push(node?.connect(`c${i}`, `user${i}`), node?.enter(`room${i % 4}`, `user${i}`));
    if (i % 2 === 0) work.push(a?.connect(`second${i}`, `user${i}`), b?.enter(`room${i % 4}`, `user${i}`));
  }
  await Promise.all(work);
}

describe('a Redis that loses data or goes away', () => {
  let server: RedisServer;
  let stage: PresenceStage;
  let proxy: TcpProxy;
  let nodes: PresenceNode[];
  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start({ target: server.port });
    stage = await PresenceStage.open(server, 'loss');
  });
  afterEach(async () => {
    await stage.close();
    await proxy.stop();
    await server.stop();
  });

  async function open(options: object): Promise<void> {
    nodes = await Promise.all(['a', 'b', 'c'].map((name) => stage.node(name, options, `redis://127.0.0.1:${proxy.port}`)));
    await populate(nodes);
    await until(() => nodes.every(({ reported }) => reported.at(-1) === 60));
  }

  /** Restarts Redis; the nodes come back to it only once the ear hears again, for they recount the rooms at once. */
  async function restarted(restart: () => Promise<unknown>): Promise<void> {
    proxy.refuse();
    await restart();
    await stage.listenAgain();
    proxy.heal();
  }

  /** What was announced by name in any room since the ear was last opened. */
  async function named(): Promise<string[]> {
    const all = await Promise.all([0, 1, 2, 3].map((i) => stage.heard(`room${i}`)));
    return all.flat().filter((signal) => !signal.startsWith('~='));
  }

  it('[P3] restarted empty: everybody is put back silently, and no node shows a smaller count meanwhile', async () => {
    await open(DEFAULTS);
    await restarted(() => server.restartEmpty());
    await stage.exact();
    expect(await named()).toEqual([]);
    expect((await stage.heard('room0')).at(-1)).toBe('~=15');
    expect(stage.reaped).toEqual([]);
    for (const { reported } of nodes) expect(reported.slice(reported.indexOf(60))).toEqual([60]);
  });

  it('[P3] restarted with older data: exact again, silently; what is only in the old data goes', async () => {
    await open(DEFAULTS);
    await server.save();
    const [a, b, c] = nodes;
    await Promise.all([
      a?.disconnect('c0'),
      a?.disconnect('second0'),
      a?.leave('room0', 'user0'),
      b?.leave('room0', 'user0'),
      c?.connect('new', 'newcomer'),
    ]);
    await c?.enter('room1', 'newcomer');
    await restarted(() => server.restartFromSnapshot());
    await stage.exact();
    expect(await named()).toEqual([]);
    expect((await stage.heard('room0')).at(-1)).toBe('~=14');
    expect((await stage.heard('room1')).at(-1)).toBe('~=16');
    expect(stage.reaped).toEqual([]);
  });

  it('[P3] a node that died while Redis was restarted with older data is reaped all the same', async () => {
    await open(QUICK);
    const victim = stage.process({ node: 'victim', connections: [['v', 'vic']], rooms: [['room0', 'vic']] });
    await victim.said('ready');
    await server.save();
    await victim.kill();
    await restarted(() => server.restartFromSnapshot());
    await stage.exact();
    expect(await named()).toEqual([`~-15 {"id":"vic","name":"Name of vic","kind":"user"}`]);
    expect(await stage.reapings(1)).toEqual([1]);
  });

  it('[P3] a node that died while the leases were lost is remembered by the others, and reaped', async () => {
    await open(QUICK);
    const victim = stage.process({ node: 'victim', connections: [['v', 'vic']], rooms: [['room0', 'vic']] });
    await victim.said('ready');
    const renewed = async (): Promise<number> => Number(await server.command('ZSCORE', 'loss:{p0}:leases', 'beat'));
    const seen = await renewed();
    await until(async () => (await renewed()) > seen + 2 * QUICK.renewMs, { describe: 'every node has seen its lease' });
    await victim.kill();
    await server.command('DEL', 'loss:{p0}:leases');
    await until(() => stage.reaped.length > 0);
    await stage.exact();
    expect(stage.reaped).toEqual([1]);
  });

  it('[P3] flushed under the running nodes: put back silently', async () => {
    await open(QUICK);
    await server.command('FLUSHALL');
    await until(() => stage.restored >= 3);
    await stage.exact();
    expect((await named()).filter((signal) => signal.startsWith('~-'))).toEqual([]);
    expect(await named()).toHaveLength(60);
  });

  it('[P3] paused for 8 s: nobody is reaped, nobody announced', async () => {
    await open(DEFAULTS);
    const before = await named();
    server.pause();
    const resumeAt = performance.now() + 8000;
    await until(() => performance.now() >= resumeAt);
    server.resume();
    await stage.exact();
    expect(await named()).toEqual(before);
    expect(stage.reaped).toEqual([]);
    for (const { reported } of nodes) expect(reported.at(-1)).toBe(60);
  });

  it('[P1] [P3] what came and went while Redis was away is right afterwards', async () => {
    await open(QUICK);
    const [a, b] = nodes;
    await server.kill();
    await a?.disconnect('c3');
    await a?.leave('room3', 'user3');
    const refused = await Promise.allSettled([
      b?.presence.connect({ id: 'x', user: { id: 'x', name: 'x', kind: 'user' } }),
      b?.presence.enter('room0', { id: 'x', name: 'x', kind: 'user' }),
      b?.presence.counts(['room0']),
      b?.presence.online(),
    ]);
    for (const one of refused) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    const late = b?.connect('late', 'latecomer');
    await server.restartEmpty();
    expect(await late).toBe('ok');
    await stage.exact();
  });

  it('[R4] after Redis came back empty the living login stays known, and a newer one is still newer', async () => {
    const [a, b] = [await stage.node('a'), await stage.node('b')];
    await a.connect('one', 'ann', 'old');
    await a.connect('two', 'ann', 'living');
    await a.disconnect('one');
    await server.restartEmpty();
    await stage.exact();
    expect(await b.connect('three', 'ann', 'newer')).toBe('ok');
    expect(await a.connect('four', 'ann', 'living')).toBe('replaced');
    expect((await a.presence.outdated([...a.connections.values()])).map(({ id }) => id)).toEqual(['two']);
  });

  it('[R4] a living login that older data does not know stays newer than those it knows', async () => {
    const [a, b] = [await stage.node('a'), await stage.node('b')];
    await a.connect('one', 'ann', 'old');
    await server.save();
    const seen = Number(await server.command('ZSCORE', 'loss:{p0}:leases', 'beat'));
    await a.connect('two', 'ann', 'living');
    await a.disconnect('one');
    await until(async () => Number(await server.command('ZSCORE', 'loss:{p0}:leases', 'beat')) > seen + QUICK.renewMs);
    await server.restartFromSnapshot();
    await stage.exact();
    expect(await a.presence.outdated([...a.connections.values()])).toEqual([]);
    expect(await b.connect('three', 'ann', 'old')).toBe('replaced');
    expect(await b.connect('four', 'ann', 'living')).toBe('ok');
  });

  it('[R4] a login that came right after the loss, before the older one was put back, is the newer', async () => {
    const a = await stage.node('a');
    await a.connect('one', 'ann', 'living');
    const b = await stage.node('b');
    await server.command('DEL', 'loss:{p0}:login:ann');
    expect(await b.connect('two', 'ann', 'newer')).toBe('ok');
    const leases = await server.command('ZRANGE', 'loss:{p0}:leases', 0, -1);
    const lease = Array.isArray(leases) ? leases.map(String).find((member) => member.startsWith('a~')) : undefined;
    expect(await server.command('ZREM', 'loss:{p0}:leases', lease ?? '')).toBe(1);
    await until(() => stage.restored > 0);
    await stage.exact();
    expect((await b.presence.outdated([...a.connections.values(), ...b.connections.values()])).map(({ id }) => id)).toEqual(['one']);
  });
});
