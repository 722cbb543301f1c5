import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PresenceScripts, REAPED } from '#libs/presence/presence-scripts.ts';
import { Reaper } from '#libs/presence/reaper.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { person } from '#test/support/presence-node.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const LEASE = 6000;
const GRACE = 4000;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('leases, on the clock of Redis', () => {
  let server: RedisServer;
  let link: RedisLink;
  let scripts: PresenceScripts;
  let leases: string;
  let runs = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    runs += 1;
    link = RedisLink.open(server.url, { prefix: `scripts${runs}`, log: quiet });
    await link.ready(5000);
    scripts = new PresenceScripts(link);
    leases = link.keys.leases();
  });
  afterEach(() => link.close());

  /** Takes a lease and resolves with the Redis time it was taken at. */
  async function take(node: string): Promise<{ now: number; since: string }> {
    const renewal = await scripts.take(node, LEASE, GRACE, []);
    if (renewal.state !== 'held') throw new Error(renewal.state);
    return renewal;
  }

  async function set(member: string, score: number): Promise<void> {
    await server.command('ZADD', leases, score, member);
  }

  it('[P3] tells the nodes whose leases ran out while others renewed', async () => {
    const { now, since } = await take('a');
    await take('b');
    await set('b', now - 1);
    expect(await scripts.keep('a', LEASE, GRACE, since)).toMatchObject({ state: 'held', nodes: ['b', 'a'], expired: ['b'] });
    expect(await scripts.claim('b', 'expired', 3000, GRACE)).toBe(true);
    expect(await scripts.claim('b', 'expired', 3000, GRACE)).toBe(false);
    expect(await scripts.keep('b', LEASE, GRACE, since)).toEqual({ state: 'reaped' });
    expect(await scripts.keep('a', LEASE, GRACE, since)).toMatchObject({ expired: [] });
    expect(await scripts.claim('a', 'expired', 3000, GRACE)).toBe(false);
  });

  it.each([
    ['nobody renewed for longer than the grace', -GRACE - 1000],
    ['the clock went back', 60_000],
  ])('[P3] gives every node a full lease where %s: that was Redis, not the nodes', async (_, beat) => {
    const { now, since } = await take('a');
    await take('b');
    await set('b', now - 1);
    await set('beat', now + beat);
    expect(await scripts.claim('b', 'expired', 3000, GRACE)).toBe(false);
    expect(await scripts.keep('a', LEASE, GRACE, since)).toMatchObject({ state: 'held', expired: [] });
    expect(Number(await server.command('ZSCORE', leases, 'b'))).toBeGreaterThanOrEqual(now + LEASE);
    expect(Number(await server.command('ZSCORE', leases, 'beat'))).toBeLessThan(now + LEASE);
  });

  it('[P3] tells a lease that Redis lost from one that was taken away', async () => {
    const { since } = await take('a');
    await server.command('ZREM', leases, 'a');
    expect(await scripts.keep('a', LEASE, GRACE, since)).toEqual({ state: 'lost' });
    await server.command('DEL', leases);
    await scripts.take('b', LEASE, GRACE, ['a']);
    expect(await scripts.keep('a', LEASE, GRACE, since), 'remembered by b, yet its data are gone').toEqual({ state: 'lost' });
    await scripts.claim('a', 'own', 3000, GRACE);
    await scripts.release('a');
    const renewal = await scripts.take('b', LEASE, GRACE, ['a']);
    expect(renewal).toMatchObject({ nodes: ['b'] });
  });

  it('forgets tombstones that no late write can need', async () => {
    await take('a');
    await server.command('ZADD', link.keys.tombstones(0), 1, 'long ago');
    await scripts.claim('a', 'own', 3000, GRACE);
    expect(await server.command('ZRANGE', link.keys.tombstones(0), 0, -1)).toEqual(['a']);
  });

  it('[R4] remembers the last hundred logins of a user, for thirty days', async () => {
    for (let i = 0; i < 120; i += 1) await scripts.connect('a', { id: `c${i}`, user: person('ann'), login: `login${i}` });
    const key = link.keys.logins('ann');
    expect(await server.command('ZCARD', key)).toBe(100);
    expect(await server.command('ZRANGE', key, -1, -1)).toEqual(['login119']);
    expect(Number(await server.command('PTTL', key))).toBeGreaterThan(29 * 24 * 3_600_000);
  });
});

describe.each([
  ['one server', async () => await RedisServer.start()],
  ['a Cluster', async () => await RedisCluster.start()],
] as const)('writes that come too late, on %s', (_, start) => {
  let server: RedisServer | RedisCluster;
  let link: RedisLink;
  beforeAll(async () => {
    server = await start();
    link = RedisLink.open(server.url, { prefix: 'late', log: quiet });
    await link.ready(10_000);
  });
  afterAll(async () => {
    await link.close();
    await server.stop();
  });

  it('[P3] are refused in every shard once a node was reaped, and leave nothing', async () => {
    const scripts = new PresenceScripts(link);
    const reaper = new Reaper(scripts, { shards: link.keys.presenceShards, claimMs: 3000, graceMs: GRACE });
    const users = Array.from({ length: 300 }, (__, i) => person(`user${i}`));
    const write = (): Promise<number[]> =>
      Promise.all(
        users.flatMap((user) => [
          scripts.connect('dead', { id: `c-${user.id}`, user }),
          scripts.enter('dead', `room-${user.id}`, user, true),
        ]),
      );
    expect(await write()).not.toContain(REAPED);
    expect(await reaper.reap('dead', 'own', 'left')).toBe(300);
    expect(new Set(await write())).toEqual(new Set([REAPED]));
    const { keys } = link;
    const left = users.flatMap(({ id }) => [keys.connections(id), keys.roomUsers(`room-${id}`)]);
    for (let shard = 0; shard < keys.presenceShards; shard += 1) {
      left.push(keys.online(shard), keys.nodeConnections(shard, 'dead'), keys.nodeRooms(shard, 'dead'));
    }
    expect(await Promise.all(left.map((key) => link.command(key, 'EXISTS', key)))).toEqual(left.map(() => 0));
  });
});
