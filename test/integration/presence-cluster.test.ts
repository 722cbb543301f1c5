import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { PresenceNode, person, replay } from '#test/support/presence-node.ts';
import { PresenceProcess, QUICK } from '#test/support/presence-process.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisEar } from '#test/support/redis-ear.ts';
import { until } from '#test/support/wait.ts';

const USERS = Array.from({ length: 100 }, (_, i) => `user${i}`);
const ROOMS = ['park', 'live:x', 'a', 'b', 'c', 'd', 'e', 'f'];
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('presence on a Redis Cluster', () => {
  let cluster: RedisCluster;
  let prefix = '';
  let runs = 0;
  let links: RedisLink[] = [];
  let nodes: PresenceNode[] = [];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    runs += 1;
    prefix = `cluster${runs}`;
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ presence }) => presence.close()));
    await Promise.all(links.map((link) => link.close()));
    links = [];
    nodes = [];
  });

  async function open(name: string, options: object = QUICK): Promise<PresenceNode> {
    const link = RedisLink.open(cluster.url, { prefix, log: quiet });
    links.push(link);
    const node = await new PresenceNode(new PresenceRedis(link, { node: name, ...options })).start();
    nodes.push(node);
    return node;
  }

  /** Resolves once every node counts these, and every room has exactly the users who are in it somewhere. */
  async function exact(): Promise<void> {
    const online = new Set(nodes.flatMap((node) => [...node.connections.values()].map(({ user }) => user.id))).size;
    for (const node of nodes) {
      await until(async () => node.presence.onlineCount === online && (await node.presence.online()) === online, {
        describe: () => `${online} online, known ${node.presence.onlineCount}`,
      });
    }
    for (const room of ROOMS) {
      const inside = new Set(
        nodes.flatMap((node) => [...node.rooms.values()].filter((one) => one.room === room).map(({ user }) => user.id)),
      );
      let found: string[] = [];
      await until(
        async () => {
          found = (await nodes[0]?.presence.room(room, 1000))?.users.map(({ id }) => id) ?? [];
          return found.length === inside.size && found.every((id) => inside.has(id));
        },
        { describe: () => `${inside.size} users in ${room}, found ${found.length}` },
      );
    }
  }

  async function populate(node: PresenceNode, users: readonly string[]): Promise<void> {
    await Promise.all(users.flatMap((user, i) => [node.connect(`c-${user}`, user), node.enter(ROOMS[i % ROOMS.length] ?? '', user)]));
  }

  async function listen(room: string): Promise<{ ear: RedisEar; channel: string }> {
    const keys = links[0]?.keys;
    const channel = keys?.presenceChannel(room) ?? '';
    const master = await cluster.masterOf(channel);
    return { ear: await RedisEar.openSharded(master.port, channel), channel };
  }

  it('[P1] [P2] counts and announces over all shards, and knows the count as soon as a connect resolves', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const { ear, channel } = await listen('park');
    for (const [i, user] of USERS.entries()) {
      await a.connect(`c${i}`, user);
      expect(a.presence.onlineCount).toBe(i + 1);
    }
    await populate(b, USERS.slice(0, 50));
    await exact();
    await b.presence.close();
    nodes.pop();
    await exact();
    await until(() => ear.on(channel).at(-1)?.startsWith('~-0') === true);
    expect(replay(ear.on(channel))).toEqual(new Set());
    ear.close();
  });

  it('[R4] numbers logins and announces a newer one on the user’s own channel', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const channel = links[0]?.keys.userChannel('ann') ?? '';
    const ear = await RedisEar.openSharded((await cluster.masterOf(channel)).port, channel);
    expect(await a.connect('1', 'ann', 'first')).toBe('ok');
    expect(await b.connect('2', 'ann', 'second')).toBe('ok');
    expect(await a.connect('3', 'ann', 'first')).toBe('replaced');
    await until(() => ear.heard.length === 2);
    expect(ear.on(channel)).toEqual(['~kfirst', '~ksecond']);
    expect(await a.presence.outdated([{ id: '1', user: person('ann'), login: 'first' }])).toHaveLength(1);
    ear.close();
  });

  it('[P3] kill -9: a node’s sessions go from all shards, each user who left announced once', async () => {
    const [a] = [await open('a'), await open('b')];
    const { ear, channel } = await listen('park');
    const plan = { url: cluster.url, prefix, node: 'victim', timing: QUICK };
    const victim = new PresenceProcess({
      ...plan,
      connections: USERS.map((user) => [user, user]),
      rooms: USERS.map((user) => ['park', user]),
    });
    await victim.said('ready');
    await a.connect('own', 'user0');
    await a.enter('park', 'user0');
    expect(await a.presence.online()).toBe(100);
    await victim.kill();
    await exact();
    await until(() => replay(ear.on(channel)).size === 1);
    expect(ear.on(channel)).toHaveLength(100 + 99);
    ear.close();
  });

  it('[P3] late writes of a node that was reaped while frozen are refused in every shard', async () => {
    const a = await open('a');
    const connections = USERS.map((user) => [user, user] as const);
    const plan = { url: cluster.url, prefix, node: 'frozen', timing: QUICK, connections, rooms: [] };
    const frozen = new PresenceProcess(plan, 'after-connect@50=freeze');
    await until(async () => (await a.presence.online()) === 50, { timeoutMs: 60_000 });
    await until(async () => (await a.presence.online()) === 0);
    frozen.child.signal('SIGCONT');
    await frozen.said('ready');
    await until(async () => (await a.presence.online()) === 100);
    await frozen.kill();
    await exact();
    const left = await Promise.all(cluster.masters.map(async (master) => await master.command('KEYS', `${prefix}:*connections:*`)));
    expect(left.flat()).toEqual([]);
  });

  it('[P3] a master that comes back empty: everybody of its shards is put back', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await populate(a, USERS.slice(0, 60));
    await populate(b, USERS.slice(40));
    await exact();
    for (const index of [0, 2]) {
      await cluster.masters[index]?.restartEmpty();
      await b.connect(`late${index}`, `late${index}`);
      await exact();
    }
  });
});
