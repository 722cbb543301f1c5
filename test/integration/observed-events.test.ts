import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { ObservedFeed } from '#libs/events/observed-feed.ts';
import { PresenceEdgesRedis } from '#libs/presence/presence-edges-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { PresenceStage } from '#test/support/presence-stage.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SILENT } from '#test/support/room-stage.ts';
import { until } from '#test/support/wait.ts';

const NEVER_MS = 3_600_000;
const PACE = { graceMs: 500, reconcileMs: NEVER_MS, settleMs: 1000, holdMs: 2000 };

let server: RedisServer;
let stage: PresenceStage;
let stages = 0;
/** `<kind> <name>` of all feeds, in order. */
let events: string[];
/** While set, the time stands still for the feeds. */
let frozenAt: number | undefined;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  stages += 1;
  events = [];
  frozenAt = undefined;
  stage = await PresenceStage.open(server, `observed${stages}`);
});
afterEach(() => stage.close());

/** A feed that has begun, and a way to cut it off from Redis as the death of its process would. */
async function follow(
  holder: string,
  pace: Partial<typeof PACE> = {},
  seen = events,
): Promise<{ feed: ObservedFeed; die(): Promise<void> }> {
  const link = RedisLink.open(server.url, { prefix: stage.prefix, log: SILENT });
  await link.ready(20_000);
  const feed = new ObservedFeed({
    edges: new PresenceEdgesRedis(link),
    holder,
    clock: () => frozenAt ?? performance.now(),
    log: SILENT,
    pace: { ...PACE, ...pace },
    everyMs: 20,
    handle: async (found) => void seen.push(...found.map(({ kind, room, users }) => `${kind} ${room ?? users[0]}`)),
  });
  onTestFinished(async () => {
    await feed.stop();
    await link.close();
  });
  await feed.start();
  return { feed, die: () => link.close() };
}

async function reported(...expected: readonly string[]): Promise<void> {
  await until(() => events.length >= expected.length, { describe: () => `${expected} reported, have ${events}` });
  expect(events.toSorted()).toEqual(expected.toSorted());
}

it('[P1] two tabs on two nodes are one online, the last one that closes is one offline; a room is occupied and vacated once', async () => {
  await follow('one');
  const [a, b] = [await stage.node('a'), await stage.node('b')];
  await a.connect('tab1', 'ann');
  await b.connect('tab2', 'ann');
  await a.enter('park', 'ann');
  await b.enter('park', 'bob');
  await a.disconnect('tab1');
  await a.leave('park', 'ann');
  await reported('online ann', 'occupied park');
  await b.disconnect('tab2');
  await b.leave('park', 'bob');
  await reported('online ann', 'occupied park', 'offline ann', 'vacated park');
  await b.connect('tab3', 'ann');
  await until(() => events.length === 5);
  expect(events.at(-1)).toBe('online ann');
});

it('[P3] a node that is killed: its users go offline and its rooms are vacated, each once, with two reapers', async () => {
  await follow('one');
  const victim = stage.process({
    node: 'victim',
    connections: [
      ['1', 'ann'],
      ['2', 'bob'],
    ],
    rooms: [
      ['den', 'ann'],
      ['park', 'bob'],
    ],
  });
  const [a] = [await stage.node('a'), await stage.node('b')];
  await victim.said('ready');
  await a.connect('3', 'ann');
  await a.enter('park', 'ann');
  const before = ['online ann', 'online bob', 'occupied den', 'occupied park'];
  await reported(...before);
  await victim.kill();
  await reported(...before, 'offline bob', 'vacated den');
  await stage.reapings(1);
  await a.connect('4', 'cid');
  await reported(...before, 'offline bob', 'vacated den', 'online cid');
});

it('[P3] a flushed Redis: who stayed is not reported, who left meanwhile is, once', async () => {
  await follow('one');
  const a = await stage.node('a');
  for (const user of ['ann', 'bob']) {
    await a.connect(user, user);
    await a.enter(`room-${user}`, user);
  }
  const before = ['online ann', 'online bob', 'occupied room-ann', 'occupied room-bob'];
  await reported(...before);
  frozenAt = performance.now();
  await server.command('FLUSHALL');
  // Redis knows nobody any more: these leave no edge.
  await a.disconnect('bob');
  await a.leave('room-bob', 'bob');
  await until(() => stage.restored > 0);
  frozenAt = undefined;
  await reported(...before, 'offline bob', 'vacated room-bob');
  await a.connect('bob', 'bob');
  await reported(...before, 'offline bob', 'vacated room-bob', 'online bob');
});

it('what left no edge is found by the comparison, and reported once', async () => {
  const a = await stage.node('a');
  await a.connect('1', 'ann');
  await a.enter('park', 'ann');
  await follow('one', { reconcileMs: 100 });
  await reported('online ann', 'occupied park');
  const root = `${stage.prefix}:{p0}:`;
  await server.command('SREM', `${root}online`, 'ann');
  await server.command('SADD', `${root}occupied`, 'den');
  await reported('online ann', 'occupied park', 'offline ann', 'occupied den');
  await server.command('SADD', `${root}online`, 'ann');
  await server.command('SREM', `${root}occupied`, 'den');
  await reported('online ann', 'occupied park', 'offline ann', 'occupied den', 'online ann', 'vacated den');
});

it('of two feeds one works; if it dies, the other one reports what happened since', async () => {
  const [ofOne, ofTwo]: [string[], string[]] = [[], []];
  const one = await follow('one', {}, ofOne);
  await follow('two', {}, ofTwo);
  const a = await stage.node('a');
  await Promise.all(Array.from({ length: 50 }, (_, i) => a.connect(`tab${i}`, `user${i}`)));
  await until(() => ofOne.length === 50);
  await a.disconnect('tab7');
  await one.die();
  await a.connect('late', 'latecomer');
  await until(() => ofTwo.length === 2, { describe: () => `two events, have ${ofTwo}` });
  expect(ofTwo.toSorted()).toEqual(['offline user7', 'online latecomer']);
  expect(ofOne).toHaveLength(50);
});

it('of two feeds the other one goes on soon if the first stops', async () => {
  const one = await follow('one', { holdMs: NEVER_MS });
  await follow('two', { holdMs: NEVER_MS });
  const a = await stage.node('a');
  await a.connect('1', 'ann');
  await reported('online ann');
  await one.feed.stop();
  await a.connect('2', 'bob');
  await reported('online ann', 'online bob');
});

it('nothing is kept in Redis while nobody follows', async () => {
  const a = await stage.node('a');
  await a.connect('1', 'ann');
  await a.disconnect('1');
  expect(await server.command('EXISTS', `${stage.prefix}:{p0}:edges`)).toBe(0);
});
