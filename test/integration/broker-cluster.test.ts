import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Channels } from '#libs/broker/channels.ts';
import type { RedisMaster } from '#libs/redis/master.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { BrokerNode, publication } from '#test/support/broker-node.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('broker on a Redis Cluster', () => {
  let cluster: RedisCluster;
  const nodes: BrokerNode[] = [];
  const servers: RedisServer[] = [];

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.close();
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await cluster.stop();
  });

  async function node(): Promise<BrokerNode> {
    const one = await BrokerNode.start(cluster.url);
    nodes.push(one);
    return one;
  }

  async function idOf(server: RedisServer): Promise<string> {
    return String(await server.command('CLUSTER', 'MYID'));
  }

  /** SSUBSCRIBE commands that the Cluster took so far. */
  async function subscribes(): Promise<number> {
    const stats = await Promise.all(cluster.masters.map(async (master) => String(await master.command('INFO', 'commandstats'))));
    return stats.reduce((sum, info) => sum + Number(/^cmdstat_ssubscribe:calls=(\d+)/m.exec(info)?.[1] ?? 0), 0);
  }

  /** Moves the slot of a key to another master, keys and all, as redis-cli does. */
  async function moveSlot(key: string, from: RedisServer, to: RedisServer): Promise<void> {
    const slot = Number(await from.command('CLUSTER', 'KEYSLOT', key));
    const [source, target] = [await idOf(from), await idOf(to)];
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
    for (;;) {
      const keys = await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100);
      if (!Array.isArray(keys) || keys.length === 0) break;
      await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys.map(String));
    }
    await to.command('CLUSTER', 'SETSLOT', slot, 'NODE', target);
    await from.command('CLUSTER', 'SETSLOT', slot, 'NODE', target);
    for (const other of cluster.masters)
      if (other !== from && other !== to) await other.command('CLUSTER', 'SETSLOT', slot, 'NODE', target);
  }

  test('[M4] the subscribers of one master killed: its rooms are filled, the others not touched', async () => {
    const [a, b] = [await node(), await node()];
    const rooms = Array.from({ length: 12 }, (_, i) => `killed-${i}`);
    await Promise.all(rooms.map((room) => a.broker.subscribe(room, true)));
    const [master] = cluster.masters;
    const kill = master?.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (let i = 0; i < 50; i++) await Promise.all(rooms.map((room) => b.broker.publish(publication(room, `m${i}`))));
    await kill;
    for (const room of rooms) await a.reached(room, 0, 50);
    await until(() => a.ledger.of('healed').length > 0);
    expect(a.ledger.of('reset')).toEqual([]);
    const healed = new Set(a.ledger.of('healed').flatMap(({ topics }) => topics));
    for (const room of rooms) {
      const own = [a.link.keys.roomChannel(room), a.link.keys.presenceChannel(room)].map((channel) => a.link.masterOf(channel)?.port);
      expect(healed.has(`r:${room}`)).toBe(own.includes(master?.port));
    }
  });

  test('a node that comes back subscribes to 100,000 rooms in at most 1,024 commands', async () => {
    const link = RedisLink.open(cluster.url, { prefix: 'many', log: SILENT });
    await link.ready(30_000);
    const restored: string[] = [];
    const ignore = (): void => undefined;
    const host = {
      signal: ignore,
      restored: ({ id }: RedisMaster) => restored.push(id),
      commandLost: ignore,
      subscriberLost: ignore,
      resubscribed: ignore,
      reconnect: ignore,
      lag: ignore,
    };
    const channels = new Channels(link, host, 60_000);
    try {
      const names = Array.from({ length: 100_000 }, (_, i) => `group:many ${i}`).flatMap((room) => [
        link.keys.roomChannel(room),
        link.keys.presenceChannel(room),
      ]);
      for (let at = 0; at < names.length; at += 20_000)
        await Promise.all(names.slice(at, at + 20_000).map((name) => channels.add(name, `r:${name}`)));
      const before = await subscribes();
      restored.length = 0;
      for (const master of cluster.masters) await master.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until(() => new Set(restored).size === cluster.masters.length, {
        timeoutMs: 60_000,
        describe: () => `${restored.length} feeds are back`,
      });
      const commands = (await subscribes()) - before;
      expect(commands).toBeGreaterThan(0);
      expect(commands).toBeLessThanOrEqual(1024);
    } finally {
      channels.close();
      await link.close();
    }
  });

  test('[M4] a slot that moves to another master takes its room along: nothing missed silently', async () => {
    const [a, b] = [await node(), await node()];
    const room = 'moving';
    await a.broker.subscribe(room, true);
    const key = a.link.keys.meta(room);
    const from = await cluster.masterOf(key);
    const to = cluster.masters.find((master) => master !== from) ?? from;
    let going = true;
    const failures: unknown[] = [];
    const publishing = (async () => {
      while (going) await b.broker.publish(publication(room, 'x')).catch((error: unknown) => failures.push(error));
    })();
    await until(() => a.ledger.offsets(room).length > 100);
    await moveSlot(key, from, to);
    await until(() => a.link.masterOf(key)?.port === to.port);
    const { offset } = await b.broker.publish(publication(room, 'on the new master'));
    await a.reached(room, 0, offset + 50);
    going = false;
    await publishing;
    expect(failures).toEqual([]);
    const last = await b.broker.publish(publication(room, 'last'));
    await a.reached(room, 0, last.offset);
    expect(a.ledger.of('healed').flatMap(({ topics }) => topics)).toContain(`r:${room}`);
    expect(await to.command('PUBSUB', 'SHARDNUMSUB', a.link.keys.roomChannel(room))).toEqual([a.link.keys.roomChannel(room), 1]);
    await moveSlot(key, to, from);
    const back = await b.broker.publish(publication(room, 'back again'));
    await a.reached(room, 0, back.offset);
  });

  test('[M4] a master that dies: its replica takes over, rooms go on there', async () => {
    const [a, b] = [await node(), await node()];
    const [room, elsewhere] = ['dying', 'staying'];
    await Promise.all([a.broker.subscribe(room, true), a.broker.subscribe(elsewhere, true)]);
    const master = await cluster.masterOf(a.link.keys.meta(room));
    const replica = await RedisServer.start({
      args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--repl-diskless-sync-delay', '0'],
    });
    servers.push(replica);
    await replica.command('CLUSTER', 'MEET', '127.0.0.1', master.port);
    const id = await idOf(master);
    await until(async () => (await replica.command('CLUSTER', 'REPLICATE', id)) === 'OK');
    await until(async () => (await replica.info('master_link_status')) === 'up');
    // Whoever does not know it as a replica gives it no vote.
    const views = async (): Promise<string[]> =>
      Promise.all([...cluster.masters, replica].map(async (server) => String(await server.command('CLUSTER', 'NODES'))));
    await until(async () => (await views()).every((view) => view.split('\n').filter(Boolean).length === 4 && view.includes(`slave ${id}`)));
    for (let i = 0; i < 10; i++) await b.broker.publish(publication(room, `m${i}`));
    await a.reached(room, 0, 10);
    await master.kill();
    await until(() => a.ledger.of('connectivity').at(-1)?.up === false);
    for (const one of [a, b]) await until(() => one.ledger.of('connectivity').at(-1)?.up === true, { timeoutMs: 30_000 });
    const { offset } = await b.broker.publish(publication(room, 'after'));
    await a.reached(room, 0, offset);
    const other = await b.broker.publish(publication(elsewhere, 'x'));
    await a.reached(elsewhere, 0, other.offset);
  });
});
