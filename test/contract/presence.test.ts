import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Topic } from '#libs/broker/broker.ts';
import { PresenceMemory, PresenceSpace } from '#libs/presence/presence-memory.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { eachWorld, inMemory, onServer, type PresenceWorld } from '#test/support/presence-backend.ts';
import { type PresenceNode, person, replay } from '#test/support/presence-node.ts';
import { RedisEar } from '#test/support/redis-ear.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { MACHINE_MS, until } from '#test/support/wait.ts';

const POLL_MS = 20;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface World extends PresenceWorld {
  /** The signals of a topic so far, in order. */
  heard(topic: Topic): Promise<string[]>;
}

const memory = inMemory<World>((nodes) => {
  const space = new PresenceSpace();
  const signals: { topic: Topic; payload: string }[] = [];
  const broker = { emit: async (topic: Topic, payload: string) => void signals.push({ topic, payload }) };
  return {
    node: () => nodes.start(new PresenceMemory(broker, { node: `node${nodes.next}`, space, pollMs: POLL_MS })),
    heard: async (topic) => signals.filter((one) => one.topic === topic).map(({ payload }) => payload),
  };
});

const redis = onServer<World, RedisServer>(
  'redis',
  () => RedisServer.start(),
  async (server, prefix, nodes) => {
    const ear = await RedisEar.open(server.port, prefix);
    const links: RedisLink[] = [];
    return {
      node() {
        const link = RedisLink.open(server.url, { prefix, log: silent });
        links.push(link);
        return nodes.start(new PresenceRedis(link, { node: `node${nodes.next}`, pollMs: POLL_MS }));
      },
      async heard(topic) {
        await ear.caughtUp(prefix);
        const keys = links[0]?.keys;
        const name = topic.slice(2);
        return ear.on((topic.startsWith('r:') ? keys?.presenceChannel(name) : keys?.userChannel(name)) ?? '');
      },
      async close() {
        await Promise.all(links.map((link) => link.close()));
        ear.close();
      },
    };
  },
);

describe.each([memory, redis])('presence over $name', (backend) => {
  let world: World;
  eachWorld(backend, (fresh) => {
    world = fresh;
  });

  it('[P1] counts ten tabs of one user on three nodes as one user, until the last is closed', async () => {
    const nodes = [await world.node(), await world.node(), await world.node()];
    const at = (tab: number): PresenceNode => nodes[tab % 3] as PresenceNode;
    for (let tab = 0; tab < 10; tab += 1) {
      expect(await at(tab).connect(`tab${tab}`, 'ann')).toBe('ok');
      expect(await at(tab).presence.online()).toBe(1);
    }
    await at(0).connect('other', 'bob');
    expect(await at(1).presence.online()).toBe(2);
    for (let tab = 0; tab < 10; tab += 1) {
      expect(await at(0).presence.online()).toBe(2);
      await at(tab).disconnect(`tab${tab}`);
    }
    expect(await at(2).presence.online()).toBe(1);
  });

  it('[A13] names the node of each connection', async () => {
    const [one, two] = [await world.node(), await world.node()];
    await one.connect('tab1', 'ann');
    await two.connect('tab2', 'ann');
    await two.connect('tab3', 'ann');
    await two.connect('tab4', 'bob');
    const nodesOf = async () => (await one.presence.nodesOf(['bob', 'nobody', 'ann'])).map((nodes) => nodes.toSorted());
    expect(await nodesOf()).toEqual([['node2'], [], ['node1', 'node2', 'node2']]);
    await two.disconnect('tab2');
    expect((await nodesOf())[2]).toEqual(['node1', 'node2']);
  });

  it('[P2] knows the count as soon as a connect resolves, and connecting twice or closing what is not there changes nothing', async () => {
    const node = await world.node();
    await node.connect('a', 'ann');
    expect(node.presence.onlineCount).toBe(1);
    await node.connect('b', 'bob');
    expect(node.presence.onlineCount).toBe(2);
    await node.connect('b', 'bob');
    await node.presence.disconnect({ id: 'never', user: person('cid') });
    await node.presence.disconnect({ id: 'never', user: person('ann') });
    expect(await node.presence.online()).toBe(2);
    await node.disconnect('b');
    expect(node.presence.onlineCount).toBe(1);
  });

  it('[P2] [P4] reports the count to every node within a second, an unchanged one never', async () => {
    const [one, two] = [await world.node(), await world.node()];
    await Promise.all(Array.from({ length: 50 }, (_, i) => one.connect(`c${i}`, `user${i}`)));
    await until(() => two.reported.at(-1) === 50 && one.reported.at(-1) === 50, {
      timeoutMs: 1000 + MACHINE_MS,
      describe: () => `${two.reported}`,
    });
    await Promise.all(Array.from({ length: 49 }, (_, i) => one.disconnect(`c${i}`)));
    await until(() => two.reported.at(-1) === 1 && one.reported.at(-1) === 1, {
      timeoutMs: 1000 + MACHINE_MS,
      describe: () => `${two.reported}`,
    });
    const later = performance.now() + 5 * POLL_MS;
    await until(() => performance.now() > later);
    for (const { reported } of [one, two]) for (const [i, count] of reported.entries()) expect(count).not.toBe(reported[i - 1]);
  });

  it('[P1] announces a user who comes into a room and goes from it once, whatever the nodes they are on', async () => {
    const [one, two] = [await world.node(), await world.node()];
    expect(await one.enter('park', 'ann')).toBe(1);
    expect(await two.enter('park', 'ann')).toBe(1);
    expect(await two.enter('park', 'ann')).toBe(1);
    expect(await two.enter('park', 'bob')).toBe(2);
    await one.leave('park', 'ann');
    await one.leave('park', 'ann');
    await two.leave('park', 'nobody');
    expect((await one.presence.room('park', 100)).count).toBe(2);
    await two.leave('park', 'ann');
    const [ann, bob] = [JSON.stringify(person('ann')), JSON.stringify(person('bob'))];
    expect(await world.heard('r:park')).toEqual([`~+1 ${ann}`, `~+2 ${bob}`, `~-1 ${ann}`]);
  });

  it('[R1] keeps odd names apart, and as they are', async () => {
    const node = await world.node();
    const odd = { id: '{x}:é~"#', name: 'Zoë "{}" \\ 🙂 ~+1', kind: 'guest' };
    await node.presence.enter('a:b', odd);
    await node.presence.enter('a', odd);
    await node.presence.leave('a', odd);
    expect(await node.presence.room('a:b', 5)).toEqual({ count: 1, users: [odd] });
    expect(await world.heard('r:a')).toEqual([`~+1 ${JSON.stringify(odd)}`, `~-0 ${JSON.stringify(odd)}`]);
  });

  it('tells who is in a room up to a limit, and the counts of many rooms in the order asked', async () => {
    const [one, two] = [await world.node(), await world.node()];
    await Promise.all(Array.from({ length: 700 }, (_, i) => (i % 2 ? one : two).enter('big', `user${i}`)));
    await one.enter('small', 'ann');
    const { count, users } = await two.presence.room('big', 100);
    expect([count, users.length, new Set(users.map(({ id }) => id)).size]).toEqual([700, 100, 100]);
    expect(users[0]).toEqual(person(users[0]?.id ?? ''));
    expect((await two.presence.room('big', 0)).users).toEqual([]);
    expect((await two.presence.room('big', 1000)).users.length).toBe(700);
    expect(await two.presence.room('none', 9)).toEqual({ count: 0, users: [] });
    expect(await two.presence.counts(['small', 'none', 'big'])).toEqual([1, 0, 700]);
    expect(await two.presence.counts([])).toEqual([]);
  });

  it('[P1] stays exact and announces each change once with hundreds of operations at a time on three nodes', async () => {
    const operation = fc.record({
      node: fc.nat(2),
      kind: fc.constantFrom('enter', 'leave', 'connect', 'disconnect'),
      room: fc.nat(2),
      user: fc.nat(3),
      tab: fc.nat(1),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 100, maxLength: 400, size: 'max' }), async (operations) => {
        const own = await backend.world();
        try {
          const nodes = [await own.node(), await own.node(), await own.node()];
          const calls = operations.map(({ node: index, kind, room, user, tab }): Promise<unknown> | undefined => {
            const node = nodes[index] as PresenceNode;
            const id = `u${user}t${tab}`;
            if (kind === 'enter') return node.enter(`r${room}`, `u${user}`);
            if (kind === 'leave') return node.leave(`r${room}`, `u${user}`);
            if (kind === 'connect') return node.connect(id, `u${user}`);
            return node.connections.has(id) ? node.disconnect(id) : undefined;
          });
          await Promise.all(calls);
          const online = new Set(nodes.flatMap((node) => [...node.connections.values()].map(({ user }) => user.id)));
          expect(await nodes[0]?.presence.online()).toBe(online.size);
          for (const room of ['r0', 'r1', 'r2']) {
            const inside = new Set(
              nodes.flatMap((node) => [...node.rooms.values()].filter((one) => one.room === room).map(({ user }) => user.id)),
            );
            expect(replay(await own.heard(`r:${room}`))).toEqual(inside);
            const { users } = (await nodes[1]?.presence.room(room, 10)) ?? { users: [] };
            expect(new Set(users.map(({ id }) => id))).toEqual(inside);
          }
        } finally {
          await own.close();
        }
      }),
      { numRuns: 8 },
    );
  });

  it('applies what is called for one connection or one room in the order of the calls', async () => {
    const node = await world.node();
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i += 1)
      calls.push(node.enter('park', 'ann'), node.leave('park', 'ann'), node.connect('c', 'ann'), node.disconnect('c'));
    calls.push(node.enter('park', 'ann'), node.connect('c', 'ann'));
    await Promise.all(calls);
    expect([await node.presence.online(), (await node.presence.room('park', 9)).count]).toEqual([1, 1]);
    expect(replay(await world.heard('r:park'))).toEqual(new Set(['ann']));
  });

  it('[R4] lets the tabs of the newest login in, announces a newer one, and refuses the older', async () => {
    const [one, two] = [await world.node(), await world.node()];
    expect(await one.connect('a1', 'ann', 'first')).toBe('ok');
    expect(await two.connect('a2', 'ann', 'first')).toBe('ok');
    expect(await one.connect('b1', 'bob', 'first')).toBe('ok');
    expect(await two.connect('a3', 'ann', 'second')).toBe('ok');
    expect(await one.connect('a4', 'ann', 'first')).toBe('replaced');
    expect(await one.connect('a5', 'ann', 'second')).toBe('ok');
    expect(await world.heard('u:ann')).toEqual(['~kfirst', '~ksecond']);
    expect(await world.heard('u:bob')).toEqual(['~kfirst']);
    for (const id of ['a2', 'a3']) await two.disconnect(id);
    for (const id of ['a1', 'a5', 'b1']) await one.disconnect(id);
    expect(await one.presence.online()).toBe(0);
    expect(await two.connect('a6', 'ann', 'first')).toBe('replaced');
  });

  it('[R4] tells which connections belong to an older login, after signals may have been lost', async () => {
    const node = await world.node();
    const ask = [
      { id: 'a1', user: person('ann'), login: 'first' },
      { id: 'a2', user: person('ann'), login: 'second' },
      { id: 'b1', user: person('bob'), login: 'first' },
      { id: 'c1', user: person('cid') },
      { id: 'd1', user: person('dan'), login: 'unseen' },
    ];
    for (const { id, user, login } of ask.slice(0, 4)) await node.connect(id, user.id, login);
    expect((await node.presence.outdated(ask)).map(({ id }) => id)).toEqual(['a1']);
    expect(await node.presence.outdated([])).toEqual([]);
  });

  it('[R4] agrees on one newest login when many come at once', async () => {
    const nodes = [await world.node(), await world.node(), await world.node()];
    const logins = Array.from({ length: 30 }, (_, i) => `login${i}`);
    await Promise.all(logins.map((login, i) => nodes[i % 3]?.connect(login, 'ann', login)));
    const newest = (await world.heard('u:ann')).at(-1);
    const again = await Promise.all(
      logins.map(async (login, i) => [login, await nodes[i % 3]?.connect(`again-${login}`, 'ann', login)] as const),
    );
    expect(again.filter(([, result]) => result === 'ok').map(([login]) => `~k${login}`)).toEqual([newest]);
  });

  it('[D1] takes a node out at once when it closes: announced, and nobody else', async () => {
    const [one, two] = [await world.node(), await world.node()];
    await Promise.all(Array.from({ length: 1200 }, (_, i) => one.connect(`c${i}`, `user${i}`)));
    await Promise.all(Array.from({ length: 1200 }, (_, i) => one.enter(`room${i % 3}`, `user${i}`)));
    await two.connect('t', 'user0');
    await two.enter('room0', 'user0');
    await one.presence.close();
    expect(await two.presence.online()).toBe(1);
    expect(await two.presence.counts(['room0', 'room1', 'room2'])).toEqual([1, 0, 0]);
    expect(replay(await world.heard('r:room0'))).toEqual(new Set(['user0']));
    expect(replay(await world.heard('r:room1'))).toEqual(new Set());
  });
});
