import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MasterConnection } from '#libs/redis/master.ts';
import { RedisLink, type RedisLinkOptions, type Script } from '#libs/redis/redis-link.ts';
import { Subscriber } from '#libs/redis/subscriber.ts';
import { FakeMaster, type SlotLine } from '#test/support/fake-master.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

function script(source: string): Script {
  return { name: 'test', source, sha: createHash('sha1').update(source).digest('hex') };
}

describe('link to one Redis', () => {
  let redis: RedisServer;
  const closing: { close(): unknown }[] = [];

  beforeEach(async () => {
    redis = await RedisServer.start();
  });

  afterEach(async () => {
    redis.resume();
    for (const one of closing.splice(0).reverse()) await one.close();
    await redis.stop();
  });

  async function open(url = redis.url, options: Partial<RedisLinkOptions> = {}): Promise<RedisLink> {
    const link = RedisLink.open(url, { prefix: 'test', log: LOG, ...options });
    closing.push(link);
    await link.ready(10_000);
    return link;
  }

  test('a script gets its keys, its arguments and the run_id of its server', async () => {
    const link = await open();
    const echo = script('return {KEYS[1], ARGV[1], ARGV[2]}');
    const runId = await redis.info('run_id');
    expect(await link.run(echo, ['k'], ['ü'], { runId: true })).toEqual(['k', 'ü', runId]);
    expect(await link.run(echo, ['k'], [1, 2], { buffers: true })).toEqual(['k', '1', '2'].map((text) => Buffer.from(text)));
    expect(link.masters()).toMatchObject([{ runId, port: redis.port, up: true }]);
  });

  test('scripts of one turn run in order, also where the server forgot them', async () => {
    const link = await open();
    const append = script("return redis.call('RPUSH', KEYS[1], ARGV[1])");
    await Promise.all([1, 2, 3].map((n) => link.run(append, ['list'], [n])));
    await redis.command('SCRIPT', 'FLUSH');
    await Promise.all([4, 5, 6].map((n) => link.run(append, ['list'], [n])));
    await link.run(append, ['list'], [7]);
    expect(await redis.command('LRANGE', 'list', 0, -1)).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  });

  test('a failing command or script rejects with UNAVAILABLE and its cause, the next one works', async () => {
    const link = await open();
    await expect(link.command('k', 'NOSUCH')).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'ReplyError' } });
    await expect(link.run(script("return redis.error_reply('ERR broken')"), ['k'], [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await link.command('k', 'SET', 'k', 1)).toBe('OK');
  });

  test('while away nothing is queued, and nothing is sent again after the break', async () => {
    const middle = await TcpProxy.start({ target: redis.port });
    closing.push({ close: () => middle.stop() });
    const link = await open(`redis://127.0.0.1:${middle.port}`, { commandTimeoutMs: 500 });
    await link.command('n', 'INCR', 'n');
    const down = new Promise((resolve) => link.once('down', resolve));
    middle.cut();
    const late = link.command('n', 'INCR', 'n');
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await down;
    await expect(link.command('n', 'INCR', 'n')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    middle.sever();
    middle.heal();
    await new Promise((resolve) => link.once('up', resolve));
    expect(await link.command('n', 'INCR', 'n')).toBe(2);
  });

  test('a frozen server is noticed, and taken back when it thaws', async () => {
    const link = await open(redis.url, { commandTimeoutMs: 500 });
    redis.pause();
    const spent = stopwatch();
    await expect(link.command('k', 'GET', 'k')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(spent()).toBeLessThan(1000 + MACHINE_MS);
    expect(link.whole).toBe(false);
    redis.resume();
    await until(() => link.whole);
    expect(await link.command('k', 'GET', 'k')).toBeNull();
  });

  test('up is told after each reconnect, with the run_id of the server then', async () => {
    const link = await open();
    const ids: string[] = [];
    link.on('up', ({ runId }) => ids.push(runId));
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(() => ids.length === 1);
    await redis.restart();
    await until(() => ids.length === 2);
    expect(ids[1]).not.toBe(ids[0]);
    expect(ids[1]).toBe(await redis.info('run_id'));
  });

  test('a client that ioredis ended for good is revived', async () => {
    const client = new Redis({ port: redis.port, host: '127.0.0.1', enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    let ups = 0;
    const options = { id: 'x', commandTimeoutMs: 1000, log: LOG, onUp: () => void ups++, onDown: () => undefined };
    const master = new MasterConnection(client, options);
    closing.push(master);
    await until(() => ups === 1);
    client.disconnect();
    await until(() => ups === 2);
    expect(await master.send('PING', [], false)).toBe('PONG');
  });

  test('user and password are used on both connections, and told nowhere', async () => {
    await redis.command('ACL', 'SETUSER', 'hub', 'on', '>s3cret/é', '~*', '&*', '+@all');
    const url = `redis://hub:${encodeURIComponent('s3cret/é')}@127.0.0.1:${redis.port}`;
    const link = await open(url);
    expect(await link.command('k', 'ACL', 'WHOAMI')).toBe('hub');
    const connect = (target: typeof link.target): Promise<Subscriber> =>
      Subscriber.connect({
        target,
        address: { host: '127.0.0.1', port: redis.port },
        timeoutMs: 30_000,
        onMessage: () => undefined,
        onLost: () => undefined,
        onClose: () => undefined,
      });
    const subscriber = await connect(link.target);
    closing.push({ close: () => subscriber.destroy() });
    await subscriber.subscribe(['a', 'b']);
    expect(subscriber.runId).toBe(await redis.info('run_id'));
    expect(await redis.command('PUBSUB', 'NUMSUB', 'a', 'b')).toEqual(['a', 1, 'b', 1]);
    await expect(connect({ ...link.target, password: 'wrong' })).rejects.toThrow('WRONGPASS');
  });
});

describe('link to a Redis Cluster', () => {
  test('each key goes to its master; seeds may be few; a moved slot is followed', async () => {
    const cluster = await RedisCluster.start();
    const link = RedisLink.open(`redis+cluster://127.0.0.1:${cluster.masters[1]?.port}`, { prefix: 'test', log: LOG });
    try {
      await link.ready(10_000);
      expect(link.masters()).toHaveLength(3);
      await Promise.all(Array.from({ length: 50 }, (_, i) => link.command(`key-${i}`, 'SET', `key-${i}`, i)));
      for (let i = 0; i < 50; i++) {
        const master = await cluster.masterOf(`key-${i}`);
        expect(link.masterOf(`key-${i}`)?.port).toBe(master.port);
        expect(await master.command('GET', `key-${i}`)).toBe(String(i));
      }
      const from = await cluster.masterOf('empty');
      const to = cluster.masters.find((master) => master !== from) ?? from;
      const slot = Number(await from.command('CLUSTER', 'KEYSLOT', 'empty'));
      const [source, target] = [String(await from.command('CLUSTER', 'MYID')), String(await to.command('CLUSTER', 'MYID'))];
      const moved: number[] = [];
      link.on('moved', (slots) => moved.push(...slots));
      // As redis-cli does it; without the import the claim of the new master would not count with the third one, which hears of it by gossip.
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
      for (const master of [to, from]) await master.command('CLUSTER', 'SETSLOT', slot, 'NODE', target);
      expect(await link.command('empty', 'SET', 'empty', 'x')).toBe('OK');
      expect(await to.command('GET', 'empty')).toBe('x');
      expect(moved).toEqual([slot]);
    } finally {
      await link.close();
      await cluster.stop();
    }
  });

  test('a move that a master told is told once, though the maps of the others do not have it yet', async () => {
    const nodes = await Promise.all([FakeMaster.start(), FakeMaster.start(), FakeMaster.start()]);
    const [from, to] = nodes as [FakeMaster, FakeMaster, FakeMaster];
    const ends = [0, 5461, 10_923, 16_384];
    const before = nodes.map(({ port }, i): SlotLine => [ends[i] ?? 0, (ends[i + 1] ?? 0) - 1, port]);
    for (const node of nodes) node.map = before;
    const link = RedisLink.open(`redis+cluster://127.0.0.1:${from.port}`, { prefix: 'test', log: LOG });
    try {
      await link.ready(10_000);
      const key = 'bar';
      const slot = 5061;
      expect(link.masterOf(key)?.port).toBe(from.port);
      const moved: number[] = [];
      link.on('moved', (slots) => moved.push(...slots));
      from.refusal = `MOVED ${slot} 127.0.0.1:${to.port}`;
      // The new master is the slowest to tell its map.
      to.map = [[slot, slot, to.port], [0, slot - 1, from.port], [slot + 1, 5460, from.port], ...before.slice(1)];
      to.slowMs = 50;
      const { told } = to;
      expect(await link.command(key, 'SET', key, 'x')).toBe('OK');
      await until(() => to.told > told, { describe: 'the new master told its map' });
      expect(await link.command(key, 'SET', key, 'y')).toBe('OK');
      expect(moved).toEqual([slot]);
      expect(link.masterOf(key)?.port).toBe(to.port);
      // It has changed its mind: its own word counts.
      to.map = before;
      from.refusal = undefined;
      for (const node of nodes) node.slowMs = 0;
      link.refresh();
      await until(() => link.masterOf(key)?.port === from.port);
      expect(moved).toEqual([slot, slot]);
    } finally {
      await link.close();
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });
});
