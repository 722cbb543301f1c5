import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UNBEGUN } from '#libs/broker/broker.ts';
import { loadScript } from '#libs/redis/redis-link.ts';
import { BrokerNode, publication } from '#test/support/broker-node.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

describe('broker on one Redis', () => {
  let redis: RedisServer;
  const closing: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    redis = await RedisServer.start();
  });

  afterEach(async () => {
    redis.resume();
    for (const one of closing.splice(0).reverse()) await one.close();
    await redis.stop();
  });

  async function node(url = redis.url, options = {}): Promise<BrokerNode> {
    const one = await BrokerNode.start(url, options);
    closing.push(one);
    return one;
  }

  async function proxy(): Promise<TcpProxy> {
    const one = await TcpProxy.start({ target: redis.port });
    closing.push({ close: () => one.stop() });
    return one;
  }

  test('[M4] subscribers killed on the Redis side while others publish: every gap is filled, in order', async () => {
    const [a, b] = [await node(), await node()];
    const rooms = Array.from({ length: 5 }, (_, i) => `room-${i}`);
    await Promise.all(rooms.map((room) => a.broker.subscribe(room, true)));
    await a.broker.subscribeUser('ann');
    let published = 0;
    for (let round = 0; round < 5; round++) {
      const kill = redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      for (let i = 0; i < 30; i++) {
        await Promise.all(rooms.map((room) => b.broker.publish(publication(room, `${round}.${i}`))));
        published++;
      }
      await kill;
      await until(() => a.ledger.of('healed').length > round);
    }
    for (const room of rooms) await a.reached(room, 0, published);
    expect(a.ledger.of('reset')).toEqual([]);
    expect(a.gaps.length).toBeGreaterThan(0);
    expect(a.gaps).not.toContain(false);
    expect(a.reconnects).toBeGreaterThanOrEqual(5);
    expect(new Set(a.ledger.of('healed').at(-1)?.topics)).toEqual(new Set([...rooms.map((room) => `r:${room}`), 'u:ann']));
    await until(() => a.ledger.of('connectivity').at(-1)?.up === true);
    expect(
      a.ledger
        .of('connectivity')
        .map(({ up }) => up)
        .slice(0, 2),
    ).toEqual([false, true]);
  });

  test('[M4] a publication that never came on the channel is a gap, and filled from the stream', async () => {
    const [a, b] = [await node(), await node()];
    await a.broker.subscribe('park', true);
    for (const text of ['one', 'two']) await b.broker.publish(publication('park', text));
    await a.reached('park', 0, 2);
    // The same script, its channel another one: the offset is taken, nobody is told.
    const { keys } = b.link;
    const constants = {
      EVENT: 0,
      PUBLISH: 'PUBLISH',
      STREAM_LENGTH: 1000,
      STREAM_AGE: 3_600_000,
      META_LIFE: 90_000_000,
      KEY_LIFE: 300_000,
    };
    const script = loadScript(new URL('../../libs/broker/lua/publish.lua', import.meta.url), constants);
    const lost = publication('park', 'lost on the way');
    const names = [keys.meta('park'), keys.stream('park'), keys.roomChannel('nowhere')];
    for (let i = 0; i < 150; i++) await b.link.run(script, names, [lost.tail, lost.at, 'x'.repeat(16)], { runId: true });
    const { offset } = await b.broker.publish(publication('park', 'after'));
    expect(offset).toBe(153);
    await a.reached('park', 0, 153);
    expect(a.gaps).toEqual([true]);
    expect(a.ledger.of('publication')[2]?.frame).toContain('lost on the way');
  });

  test('[M4] the consumer of subscribe runs before the first publication of the room', async () => {
    const [a, b] = [await node(), await node()];
    let going = true;
    const publishing = (async () => {
      while (going) await Promise.all(Array.from({ length: 20 }, () => b.broker.publish(publication('park', 'x', { key: null }))));
    })();
    for (let i = 0; i < 60; i++) {
      const given = a.ledger.entries.length;
      const { position } = await a.broker.subscribe('park', true);
      for (let hop = 0; hop < 10; hop++) await Promise.resolve();
      expect(a.ledger.entries.length).toBe(given);
      await until(() => a.ledger.entries.length > given, { everyMs: 1 });
      expect(a.ledger.entries[given]).toMatchObject({ kind: 'publication', offset: position.offset + 1 });
      a.broker.unsubscribe('r:park');
    }
    going = false;
    await publishing;
    expect(a.gaps).toEqual([]);
  });

  test('[M4] what was published last while a subscriber was away is made good without a further message', async () => {
    const [a, b] = [await node(), await node()];
    await a.broker.subscribe('quiet', true);
    const kill = redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const last = b.broker.publish(publication('quiet', 'last words'));
    await kill;
    const { offset } = await last;
    await a.reached('quiet', 0, offset);
  });

  test('[M4] command connections killed while publishing: retried under the same key, made once', async () => {
    const [a, b] = [await node(), await node()];
    await a.broker.subscribe('busy', true);
    const acks = [];
    for (let round = 0; round < 5; round++) {
      const batch = Array.from({ length: 40 }, (_, i) => b.broker.publish(publication('busy', `${round}.${i}`)));
      const kill = redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
      batch.push(...Array.from({ length: 40 }, (_, i) => b.broker.publish(publication('busy', `${round}.late.${i}`))));
      acks.push(...(await Promise.all(batch)));
      await kill;
    }
    expect(new Set(acks.map(({ offset }) => offset)).size).toBe(400);
    expect(Math.max(...acks.map(({ offset }) => offset))).toBe(400);
    await a.reached('busy', 0, 400);
    expect(a.ledger.of('reset')).toEqual([]);
  });

  test('[M3] [M4] Redis restarted empty: a new epoch, told as a reset, and delivery goes on', async () => {
    const [a, b] = [await node(), await node()];
    const before = await a.broker.subscribe('park', true);
    for (let i = 0; i < 10; i++) await b.broker.publish(publication('park', `old ${i}`));
    await a.reached('park', 0, 10);
    await redis.restartEmpty();
    await until(() => a.ledger.of('reset').length === 1);
    const [reset] = a.ledger.of('reset');
    expect(reset?.position.epoch).not.toBe(before.position.epoch);
    expect(reset?.position.offset).toBe(0);
    const ack = await b.broker.publish(publication('park', 'new'));
    expect(ack).toMatchObject({ offset: 1, epoch: reset?.position.epoch });
    await until(() => a.ledger.offsets('park').length === 11);
    expect(a.ledger.offsets('park').at(-1)).toBe(1);
  });

  test('[M3] [M4] Redis restarted with older data: the epoch rotates, the offset goes on from the restored one', async () => {
    const [a, b] = [await node(), await node()];
    const before = await a.broker.subscribe('park', true);
    for (let i = 0; i < 10; i++) await b.broker.publish(publication('park', `kept ${i}`));
    await redis.save();
    for (let i = 0; i < 10; i++) await b.broker.publish(publication('park', `lost ${i}`));
    await a.reached('park', 0, 20);
    await redis.restartFromSnapshot();
    const acks = [];
    for (let i = 0; i < 15; i++) acks.push(await b.broker.publish(publication('park', `new ${i}`)));
    expect(acks[0]).toMatchObject({ offset: 11 });
    expect(new Set(acks.map(({ epoch }) => epoch))).not.toContain(before.position.epoch);
    await a.reached('park', 0, 25);
    const resets = a.ledger.of('reset');
    expect(resets).toHaveLength(1);
    // Everything new reached the listener: in the reset's page, or after it.
    const at = a.ledger.entries.findIndex(({ kind }) => kind === 'reset');
    const seen = [...(resets[0]?.latest ?? []).map(({ offset }) => offset)];
    for (const entry of a.ledger.entries.slice(at)) if (entry.kind === 'publication') seen.push(entry.offset);
    expect(seen.filter((offset) => offset > 10)).toEqual(Array.from({ length: 15 }, (_, i) => i + 11));
  });

  test('[M3] after older data was restored the epoch is another one for readers and for publishers, whoever comes first', async () => {
    const [reader, publisher] = [await node(), await node()];
    const { epoch } = await publisher.broker.publish(publication('one', 'x'));
    const other = await publisher.broker.publish(publication('two', 'x'));
    await redis.save();
    const before = await reader.broker.subscribe('one', true);
    expect(before.position.epoch).toBe(epoch);
    await redis.restartFromSnapshot();
    // Nobody publishes: comparing alone must see that the sequence may have gone back.
    await until(() => reader.ledger.of('reset').length === 1);
    expect(reader.ledger.of('reset')[0]?.position.offset).toBe(1);
    expect(reader.ledger.of('reset')[0]?.position.epoch).not.toBe(epoch);
    // Nobody is in the other room: publishing alone must see it too.
    const ack = await publisher.broker.publish(publication('two', 'y'));
    expect(ack.offset).toBe(2);
    expect(ack.epoch).not.toBe(other.epoch);
  });

  test('[M3] the sequence deleted under a live room is noticed with the next message', async () => {
    const [a, b] = [await node(), await node()];
    await a.broker.subscribe('park', true);
    for (let i = 0; i < 10; i++) await b.broker.publish(publication('park', `m${i}`));
    await a.reached('park', 0, 10);
    await redis.command('FLUSHALL');
    const { epoch } = await b.broker.publish(publication('park', 'after'));
    await until(() => a.ledger.of('reset').length === 1);
    expect(a.ledger.of('reset')[0]).toMatchObject({ position: { epoch, offset: 1 }, latest: [{ offset: 1 }] });
  });

  test('[M4] Redis frozen for six seconds: publishing says so, and all is made good afterwards', async () => {
    const [a, b] = [await node(), await node()];
    await a.broker.subscribe('park', true);
    await b.broker.publish(publication('park', 'before'));
    await a.reached('park', 0, 1);
    redis.pause();
    const [start, spent] = [performance.now(), stopwatch()];
    await expect(b.broker.publish(publication('park', 'lost'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(spent()).toBeLessThan(4500 + MACHINE_MS);
    await until(() => b.ledger.of('connectivity').at(-1)?.up === false);
    await delay(Math.max(0, 6000 - (performance.now() - start)));
    redis.resume();
    await until(() => b.ledger.of('connectivity').at(-1)?.up === true);
    const { offset } = await b.broker.publish(publication('park', 'after'));
    await a.reached('park', 0, offset);
    expect(a.ledger.of('reset')).toEqual([]);
  });

  test('[M4] connections that are silently dead are found and replaced, and the gap is filled', async () => {
    const middle = await proxy();
    const a = await node(`redis://127.0.0.1:${middle.port}`, { probeEveryMs: 500 });
    const b = await node();
    await a.broker.subscribe('park', true);
    await until(() => a.lags.length > 0);
    middle.forget();
    for (let i = 0; i < 20; i++) await b.broker.publish(publication('park', `m${i}`));
    await a.reached('park', 0, 20);
    // Both connections are new when this is live again, not only read from the stream.
    await until(() => a.reconnects >= 2);
    await b.broker.publish(publication('park', 'live'));
    await a.reached('park', 0, 21);
    expect(a.ledger.of('reset')).toEqual([]);
  });

  test('[M4] a gap longer than the stream is told as a reset with the latest page', async () => {
    const middle = await proxy();
    const a = await node(`redis://127.0.0.1:${middle.port}`, { streamMaxLength: 100 });
    const b = await node(redis.url, { streamMaxLength: 100 });
    await a.broker.subscribe('park', true);
    middle.refuse();
    await until(() => a.ledger.of('connectivity').at(-1)?.up === false);
    await Promise.all(Array.from({ length: 500 }, (_, i) => b.broker.publish(publication('park', `m${i}`))));
    middle.heal();
    await until(() => a.ledger.of('reset').length === 1);
    expect(a.ledger.of('reset')[0]?.latest.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, i) => i + 401));
    expect(a.gaps).toEqual([false]);
    await b.broker.publish(publication('park', 'more'));
    await a.reached('park', 0, 501);
  });

  test('[M4] subscribing while Redis comes and goes: it succeeds whole, or says UNAVAILABLE', async () => {
    const middle = await proxy();
    const a = await node(`redis://127.0.0.1:${middle.port}`);
    const b = await node();
    let going = true;
    const publishing = (async () => {
      while (going) await b.broker.publish(publication('room-3', 'x'));
    })();
    const severing = (async () => {
      for (let i = 0; i < 10; i++) {
        middle.sever();
        await delay(50);
      }
    })();
    const joined = await Promise.all(Array.from({ length: 8 }, (_, i) => a.broker.subscribe(`room-${i}`, true)));
    await severing;
    going = false;
    await publishing;
    const { position } = await b.broker.after('room-3', 0, { count: 1, bytes: 1 });
    await a.reached('room-3', joined[3]?.position.offset ?? -1, position.offset);
  });

  test('[M2] without a key a publication is never tried again', async () => {
    const a = await node();
    redis.pause();
    // The connection that it was written to is given up: from there on a second try would succeed.
    a.link.once('down', () => redis.resume());
    await expect(a.broker.publish(publication('park', 'x', { key: null }))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(() => a.link.whole && a.ledger.of('connectivity').at(-1)?.up === true);
    // The first one may have waited in the server's buffer, and counts then.
    expect(await redis.command('XLEN', a.link.keys.stream('park'))).toBeLessThanOrEqual(1);
  });

  test('[R3] the position of a room lives while someone is in it, and its stream ages', async () => {
    const limits = { streamMaxAgeMs: 500, positionTtlMs: 60_000, sweepEveryMs: 200 };
    const a = await node(redis.url, limits);
    const b = await node(redis.url, limits);
    const inside = await a.broker.subscribe('inside', true);
    await b.broker.publish(publication('inside', 'x'));
    const { epoch } = await b.broker.publish(publication('outside', 'x'));
    const left = async (room: string): Promise<number> => Number(await redis.command('PTTL', b.link.keys.meta(room)));
    let [before, rises] = [await left('inside'), 0];
    let forgotten = await left('outside');
    await until(async () => {
      const [now, then] = [await left('inside'), forgotten];
      forgotten = await left('outside');
      expect(forgotten).toBeLessThanOrEqual(then);
      if (now > before) rises += 1;
      before = now;
      return rises >= 3;
    });
    expect(forgotten).toBeGreaterThan(0);
    // Its time passes.
    await redis.command('PEXPIRE', b.link.keys.meta('outside'), 0);
    await until(async () => (await redis.command('EXISTS', b.link.keys.stream('inside'))) === 0);
    expect((await b.broker.before('inside', Number.POSITIVE_INFINITY, { count: 10, bytes: 1000 })).position).toEqual({
      epoch: inside.position.epoch,
      offset: 1,
    });
    expect((await b.broker.publish(publication('outside', 'y'))).epoch).not.toBe(epoch);
    expect(await b.broker.after('inside', 0, { count: 10, bytes: 1000 })).toMatchObject({ publications: [], complete: false });
  });

  test('[R3] a room in which nothing was said lives while someone is in it, and not much longer', async () => {
    const limits = { emptyTtlMs: 1500 };
    const a = await node(redis.url, limits);
    const b = await node(redis.url, limits);
    const meta = a.link.keys.meta('silent');
    const left = async (room = 'silent'): Promise<number> => Number(await redis.command('PTTL', b.link.keys.meta(room)));
    const { position } = await a.broker.subscribe('silent', true);
    expect(await left()).toBeGreaterThan(0);
    let [before, rises] = [await left(), 0];
    await until(async () => {
      const now = await left();
      expect(now).toBeLessThanOrEqual(1500);
      if (now > before) rises += 1;
      before = now;
      return rises >= 4;
    });
    expect((await b.broker.subscribe('silent', true)).position).toEqual(position);
    a.broker.unsubscribe('r:silent');
    b.broker.unsubscribe('r:silent');
    await until(async () => (await redis.command('EXISTS', meta)) === 0);
    // What is said makes it a room like any other.
    await a.broker.subscribe('spoken', true);
    await b.broker.publish(publication('spoken', 'x'));
    expect(await left('spoken')).toBeGreaterThan(60_000);
    await b.broker.after('spoken', 0, { count: 10, bytes: 1000 });
    expect(await left('spoken')).toBeGreaterThan(60_000);
  });

  test('[R3] reading a room that nobody entered leaves nothing behind', async () => {
    const a = await node();
    const keys = async (): Promise<unknown> => redis.command('KEYS', '*a-name*');
    expect(await a.broker.before('a-name', Number.POSITIVE_INFINITY, { count: 10, bytes: 1000 })).toEqual(UNBEGUN);
    expect(await a.broker.before('a-name', 7, { count: 10, bytes: 1000 })).toEqual(UNBEGUN);
    expect(await keys()).toEqual([]);
    await a.broker.publish(publication('a-name', 'x'));
    expect((await a.broker.before('a-name', 2, { count: 10, bytes: 1000 })).publications.map(({ offset }) => offset)).toEqual([1]);
  });

  test('[R3] old publications leave a stream that is still written to', async () => {
    const a = await node(redis.url, { streamMaxAgeMs: 60_000 });
    const old = Date.now() - 3_600_000;
    for (let i = 0; i < 50; i++) await a.broker.publish(publication('park', `old ${i}`, { at: old + i }));
    await a.broker.publish(publication('park', 'young'));
    const { publications } = await a.broker.before('park', Number.POSITIVE_INFINITY, { count: 100, bytes: 100_000 });
    expect(publications.map(({ offset }) => offset)).toEqual([51]);
  });

  test('[M4] a subscriber that falls silent while it subscribes is given up, and another one takes its place', async () => {
    let deaf = 0;
    const between = createServer((client) => {
      const server = connect(redis.port, '127.0.0.1');
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
      server.on('data', (chunk) => client.write(chunk));
      client.on('data', (chunk) => {
        // Nothing is refused and nothing is closed: what it asks for is never answered.
        if (deaf > 0 && chunk.includes('subscribe')) {
          deaf -= 1;
          client.removeAllListeners('data').resume();
        } else server.write(chunk);
      });
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    closing.push({ close: () => new Promise((resolve) => between.close(() => resolve())) });
    const [a, b] = [await node(`redis://127.0.0.1:${(between.address() as AddressInfo).port}`), await node()];
    await a.broker.subscribe('room', true);
    deaf = 2;
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => deaf === 0);
    await b.broker.publish(publication('room', 'heard'));
    await until(() => a.follow('room', 0).offset === 1, { timeoutMs: 60_000 });
  });

  test('start says UNAVAILABLE where there is no Redis', async () => {
    await redis.kill();
    await expect(BrokerNode.start(redis.url)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
