import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerNode, publication } from '#test/support/broker-node.ts';
import { RedisSentinel } from '#test/support/redis-sentinel.ts';
import { until } from '#test/support/wait.ts';

describe('broker behind Sentinel', () => {
  let sentinel: RedisSentinel;
  const nodes: BrokerNode[] = [];

  beforeEach(async () => {
    sentinel = await RedisSentinel.start();
  });

  afterEach(async () => {
    for (const server of sentinel.servers) server.resume();
    for (const node of nodes.splice(0)) await node.close();
    await sentinel.stop();
  });

  async function node(): Promise<BrokerNode> {
    const one = await BrokerNode.start(sentinel.url);
    nodes.push(one);
    return one;
  }

  /** Publishes one after the other until stopped; what could not be published is left out. */
  function publishing(from: BrokerNode, room: string): { stop(): Promise<number[]> } {
    let going = true;
    const acked: number[] = [];
    const run = (async () => {
      while (going) {
        await from.broker.publish(publication(room, 'x')).then(
          ({ offset }) => acked.push(offset),
          () => undefined,
        );
        await setImmediate();
      }
    })();
    return {
      stop: async () => {
        going = false;
        await run;
        return acked;
      },
    };
  }

  /** The master stops answering, its connections stand. */
  async function freezeMaster(): Promise<void> {
    const before = await sentinel.master();
    before.pause();
    await until(async () => (await sentinel.master()) !== before, { timeoutMs: 20_000 });
  }

  test.each(['failOver', 'killMaster', 'freezeMaster'] as const)(
    '[M3] [M4] %s: both connections follow the new master, the epoch rotates, delivery goes on',
    async (how) => {
      const [a, b] = [await node(), await node()];
      const { position } = await a.broker.subscribe('park', true);
      await a.broker.subscribeUser('ann');
      for (let i = 0; i < 20; i++) await b.broker.publish(publication('park', `m${i}`));
      await a.reached('park', 0, 20);
      const old = await sentinel.master();
      const stream = publishing(b, 'park');
      if (how === 'freezeMaster') await freezeMaster();
      else await sentinel[how]();
      const now = await sentinel.master();
      expect(now.port).not.toBe(old.port);
      for (const one of [a, b])
        await until(() => one.link.masters()[0]?.port === now.port && one.ledger.of('connectivity').at(-1)?.up === true, {
          timeoutMs: 30_000,
        });
      await stream.stop();
      const last = await b.broker.publish(publication('park', 'last'));
      expect(last.epoch).not.toBe(position.epoch);
      await a.reached('park', 0, last.offset);
      expect(a.ledger.of('reset').at(-1)?.position.epoch).toBe(last.epoch);
      expect(a.ledger.of('healed').at(-1)?.topics).toContain('u:ann');
      await b.broker.emit('u:ann', 'hello');
      await until(() => a.ledger.signals('u:ann').includes('hello'));
    },
  );
});
