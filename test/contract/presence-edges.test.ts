import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EDGE_LIMITS, type PresenceEdge, type PresenceEdges, type Subject } from '#libs/presence/presence-edges.ts';
import { PresenceEdgesRedis } from '#libs/presence/presence-edges-redis.ts';
import { PresenceMemory, PresenceSpace } from '#libs/presence/presence-memory.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { eachWorld, inMemory, onServer, type PresenceBackend, type PresenceWorld } from '#test/support/presence-backend.ts';
import type { PresenceNode } from '#test/support/presence-node.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const HOLD_MS = 60_000;
const TOO_MANY = EDGE_LIMITS.max + 2000;
const FLOOD = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', '+', 'u:other' .. i) end";
const PAGE = { holder: 'one', holdMs: HOLD_MS, limit: 1000 } as const;

/** Nodes that share one presence, and the port of an observer of it. */
interface World extends PresenceWorld {
  readonly edges: PresenceEdges;
  /** Adds more edges of other users than are kept to the shard of a user. The next change in it drops the oldest. */
  overflow(user: string): Promise<void>;
  /** Nobody reads for longer than edges are kept. */
  neglect(): Promise<void>;
}

const memory = inMemory<World>((nodes) => {
  let skipped = 0;
  const space = new PresenceSpace(() => Date.now() + skipped);
  return {
    edges: space.edges,
    node: () => nodes.start(new PresenceMemory({ emit: async () => undefined }, { space })),
    async overflow() {
      for (let i = 0; i < TOO_MANY; i += 1) space.edges.add(`u:other${i}`, true);
    },
    async neglect() {
      skipped += EDGE_LIMITS.keptMs + 1000;
    },
  };
});

function redis(name: string, start: () => Promise<RedisServer | RedisCluster>): PresenceBackend<World> {
  return onServer(name, start, async (server, prefix, nodes) => {
    const link = RedisLink.open(server.url, { prefix, log: quiet });
    await link.ready(20_000);
    const edges = new PresenceEdgesRedis(link);
    return {
      edges,
      node: () => nodes.start(new PresenceRedis(link, { node: `node${nodes.next}` })),
      async overflow(user) {
        const key = link.keys.edges(link.keys.shardOfUser(user));
        await link.command(key, 'EVAL', FLOOD, 1, key, TOO_MANY);
      },
      async neglect() {
        for (let shard = 0; shard < edges.shards; shard += 1) {
          const [log, observer] = [link.keys.edges(shard), link.keys.observer(shard)];
          const left = Number(await link.command(log, 'PTTL', log));
          expect(left).toBeGreaterThan(EDGE_LIMITS.keptMs - 60_000);
          expect(left).toBeLessThanOrEqual(EDGE_LIMITS.keptMs);
          await link.command(log, 'DEL', log);
          await link.command(observer, 'HSET', observer, 'until', 0);
        }
      },
      close: () => link.close(),
    };
  });
}

const BACKENDS = [memory, redis('Redis', () => RedisServer.start()), redis('a Redis Cluster', () => RedisCluster.start())];

describe.each(BACKENDS)('edges of presence over $name', (backend) => {
  let world: World;
  let edges: PresenceEdges;
  eachWorld(backend, (fresh) => {
    world = fresh;
    ({ edges } = world);
  });

  /** The positions of an observer. */
  class Observer {
    readonly #positions = new Map<number, string>();
    readonly #holder: string;
    readonly #edges: PresenceEdges;

    constructor(holder = 'one', from = edges) {
      this.#holder = holder;
      this.#edges = from;
    }

    /** All edges since the last call, page by page; undefined if some may be missing. */
    async read(limit = 1000): Promise<PresenceEdge[] | undefined> {
      const all: PresenceEdge[] = [];
      let isWhole = true;
      for (let shard = 0; shard < this.#edges.shards; shard += 1) {
        for (let more = true; more; ) {
          const page = await this.#edges.read(shard, { ...PAGE, holder: this.#holder, after: this.#positions.get(shard), limit });
          if (page.state === 'busy') throw new Error('another one holds the shard');
          all.push(...page.edges);
          this.#positions.set(shard, page.edges.at(-1)?.id ?? page.from);
          isWhole &&= page.isWhole;
          ({ more } = page);
        }
      }
      return isWhole ? all : undefined;
    }

    /** As text, in order for each subject. */
    async seen(): Promise<string[]> {
      const found = await this.read();
      return (found ?? []).map(({ subject, isPresent }) => `${isPresent ? '+' : '-'}${subject}`);
    }

    async begin(): Promise<this> {
      expect(await this.read()).toBeUndefined();
      return this;
    }
  }

  async function all(pages: AsyncIterable<readonly Subject[]>): Promise<Subject[]> {
    const found = new Set<Subject>();
    for await (const page of pages) for (const subject of page) found.add(subject);
    return [...found].toSorted();
  }

  async function present(from = edges): Promise<Subject[]> {
    const shards = await Promise.all(Array.from({ length: from.shards }, (_, shard) => all(from.present(shard))));
    return shards.flat().toSorted();
  }

  it('tells of a user at the first tab and after the last one, whatever the nodes', async () => {
    const [one, two] = [await world.node(), await world.node()];
    const observer = await new Observer().begin();
    const startedAt = Date.now();
    await one.connect('a1', 'ann');
    await two.connect('a2', 'ann');
    await two.connect('a2', 'ann');
    await one.disconnect('a1');
    expect(await observer.seen()).toEqual(['+u:ann']);
    await two.disconnect('a2');
    await two.presence.disconnect({ id: 'a2', user: { id: 'ann', name: 'Ann', kind: 'user' } });
    const [edge, ...rest] = (await observer.read()) ?? [];
    expect(edge).toMatchObject({ subject: 'u:ann', isPresent: false });
    expect(Math.abs((edge?.at ?? 0) - startedAt)).toBeLessThan(60_000);
    expect(rest).toEqual([]);
  });

  it('tells of a room at its first user and after the last one, whatever the nodes', async () => {
    const [one, two] = [await world.node(), await world.node()];
    const observer = await new Observer().begin();
    await one.enter('park', 'ann');
    await two.enter('park', 'ann');
    await two.enter('park', 'bob');
    await one.leave('park', 'ann');
    await two.leave('park', 'ann');
    expect(await observer.seen()).toEqual(['+r:park']);
    expect(await present()).toEqual(['r:park']);
    await two.leave('park', 'bob');
    await two.leave('park', 'bob');
    expect(await observer.seen()).toEqual(['-r:park']);
    expect(await present()).toEqual([]);
  });

  it('tells of everybody whom a node takes along, and of nobody who is elsewhere, too', async () => {
    const [one, two] = [await world.node(), await world.node()];
    const users = Array.from({ length: 600 }, (_, i) => `user${i}`);
    await Promise.all(users.flatMap((user) => [one.connect(`c-${user}`, user), one.enter(`room-${user}`, user)]));
    await Promise.all([two.connect('second', 'user7'), two.enter('room-user7', 'user8')]);
    const observer = await new Observer().begin();
    await one.presence.close();
    const went = (await observer.seen()).toSorted();
    const gone = users.filter((user) => user !== 'user7');
    expect(went).toEqual([...gone.map((user) => `-r:room-${user}`), ...gone.map((user) => `-u:${user}`)].toSorted());
    expect(await present()).toEqual(['r:room-user7', 'u:user7']);
  });

  it('gives the edges of each subject in turns, and the state at the end, with hundreds of operations at a time', async () => {
    const operation = fc.record({ node: fc.nat(2), kind: fc.constantFrom('enter', 'leave', 'connect', 'disconnect'), who: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 100, maxLength: 300, size: 'max' }), async (operations) => {
        const own = await backend.world();
        try {
          const nodes = [await own.node(), await own.node(), await own.node()];
          const observer = await new Observer('one', own.edges).begin();
          const calls = operations.map(({ node: index, kind, who }): Promise<unknown> | undefined => {
            const node = nodes[index] as PresenceNode;
            if (kind === 'enter') return node.enter(`r${who % 2}`, `u${who}`);
            if (kind === 'leave') return node.leave(`r${who % 2}`, `u${who}`);
            if (kind === 'connect') return node.connect(`t${who}`, `u${who}`);
            return node.connections.has(`t${who}`) ? node.disconnect(`t${who}`) : undefined;
          });
          await Promise.all(calls);
          const there = new Set<Subject>();
          for (const { subject, isPresent } of (await observer.read(7)) ?? []) {
            expect(there.has(subject), `${subject} in turns`).toBe(!isPresent);
            if (isPresent) there.add(subject);
            else there.delete(subject);
          }
          expect([...there].toSorted()).toEqual(await present(own.edges));
          const living = nodes.flatMap((node) => [
            ...Array.from(node.connections.values(), ({ user }) => `u:${user.id}`),
            ...Array.from(node.rooms.values(), ({ room }) => `r:${room}`),
          ]);
          expect([...there].toSorted()).toEqual([...new Set(living)].toSorted());
        } finally {
          await own.close();
        }
      }),
      { numRuns: 5 },
    );
  });

  it('gives a shard to one observer at a time, and to the next one from where the first has recorded', async () => {
    const node = await world.node();
    await new Observer().begin();
    await node.enter('park', 'ann');
    const shard = await shardOf('r:park');
    const first = await edges.read(shard, { ...PAGE, limit: 1 });
    if (first.state === 'busy') throw new Error(first.state);
    expect(first).toMatchObject({ heldBefore: 'self', isWhole: false, edges: [] });
    await node.leave('park', 'ann');
    const page = await edges.read(shard, { ...PAGE, after: first.from });
    if (page.state === 'busy') throw new Error(page.state);
    expect(page).toMatchObject({ isWhole: true, more: false, edges: [{ subject: 'r:park', isPresent: false }] });
    expect(await edges.read(shard, { ...PAGE, holder: 'two' })).toMatchObject({ state: 'busy' });
    expect(await edges.record(shard, 'two', { came: ['r:park'], went: [] })).toBe(false);
    expect(await all(edges.recorded(shard))).toEqual([]);
    expect(await edges.record(shard, 'one', { position: first.from, came: ['r:park', 'r:den'], went: [] })).toBe(true);
    expect(await edges.record(shard, 'one', { came: [], went: ['r:den'], release: true })).toBe(true);
    const next = await edges.read(shard, { ...PAGE, holder: 'two' });
    expect(next).toMatchObject({ heldBefore: 'other', isWhole: true, from: first.from, edges: page.edges });
    expect(await all(edges.recorded(shard))).toEqual(['r:park']);
    expect(await edges.record(shard, 'one', { came: [], went: ['r:park'] })).toBe(false);
  });

  it('says which of some subjects are absent', async () => {
    const node = await world.node();
    await node.connect('a', 'ann');
    await node.enter('park', 'ann');
    for (const subject of ['u:ann', 'r:park'] as const) {
      const shard = await shardOf(subject);
      expect(await edges.absent(shard, [subject, 'u:bob', 'r:den'])).toEqual(['u:bob', 'r:den']);
    }
    expect(await edges.absent(0, [])).toEqual([]);
  });

  it('says that edges are missing if nobody read for long, and keeps none meanwhile', async () => {
    const node = await world.node();
    const observer = await new Observer().begin();
    await world.neglect();
    await node.connect('a', 'ann');
    expect(await observer.read()).toBeUndefined();
    await node.connect('b', 'bob');
    expect(await observer.seen()).toEqual(['+u:bob']);
  });

  it('says that edges are missing if too many came', async () => {
    const node = await world.node();
    const observer = await new Observer().begin();
    await world.overflow('ann');
    await node.connect('a', 'ann');
    expect(await observer.read()).toBeUndefined();
    expect(await observer.read()).toEqual([]);
  });

  /** The shard that has the subject, which is present. */
  async function shardOf(subject: Subject): Promise<number> {
    for (let shard = 0; shard < edges.shards; shard += 1) if ((await all(edges.present(shard))).includes(subject)) return shard;
    throw new Error(`${subject} is not present`);
  }
});
