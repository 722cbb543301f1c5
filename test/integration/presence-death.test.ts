import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PresenceNode, person, replay } from '#test/support/presence-node.ts';
import { QUICK } from '#test/support/presence-process.ts';
import { PresenceStage } from '#test/support/presence-stage.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { MACHINE_MS, until, within } from '#test/support/wait.ts';

const USERS = Array.from({ length: 40 }, (_, i) => `user${i}`);
const CONNECTIONS = USERS.map((user, i) => [`c${i}`, user] as const);
const ROOMS = USERS.map((user) => ['park', user] as const);

/** A node that lives in a process of its own, as the audit sees it. */
function twin(connections: readonly (readonly [string, string])[], rooms: readonly (readonly [string, string])[]): PresenceNode {
  const node = new PresenceNode({} as never);
  for (const [id, user] of connections) node.connections.set(id, { id, user: person(user) });
  for (const [room, user] of rooms) node.rooms.set(`${room} ${user}`, { room, user: person(user) });
  return node;
}

describe('nodes that die or freeze', () => {
  let server: RedisServer;
  let stage: PresenceStage;
  let stages = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    stages += 1;
    stage = await PresenceStage.open(server, `death${stages}`);
  });
  afterEach(() => stage.close());

  it('[P3] kill -9: sessions gone and counts exact within 10 s, each user who left announced once, with three survivors racing', async () => {
    const victim = stage.process({
      node: 'victim',
      timing: { leaseMs: 6000, renewMs: 2000, pollMs: 250 },
      connections: CONNECTIONS,
      rooms: ROOMS,
    });
    await victim.said('ready');
    const survivors = await Promise.all(['a', 'b', 'c'].map((name) => stage.node(name, {})));
    await survivors[0]?.connect('tab', 'user0');
    await survivors[0]?.enter('park', 'user0');
    await until(() => survivors[1]?.presence.onlineCount === USERS.length);
    await victim.kill();
    await stage.exact(10_000 + MACHINE_MS);
    expect(await stage.reapings(1)).toEqual([USERS.length]);
    const heard = await stage.heard('park');
    expect(replay(heard)).toEqual(new Set(['user0']));
    expect(heard.filter((signal) => signal.startsWith('~-'))).toHaveLength(USERS.length - 1);
  });

  it('[P3] a node that froze for longer than its lease is reaped, and puts its living sessions back, each announced once', async () => {
    const frozen = stage.process({ node: 'frozen', connections: CONNECTIONS, rooms: ROOMS });
    await frozen.said('ready');
    await stage.node('a');
    await stage.node('b');
    frozen.child.signal('SIGSTOP');
    await stage.exact();
    expect(replay(await stage.heard('park'))).toEqual(new Set());
    frozen.child.signal('SIGCONT');
    await stage.exact(10_000, new Map([['frozen', twin(CONNECTIONS, ROOMS)]]));
    await frozen.said(`restored ${USERS.length}`);
    const heard = await stage.heard('park');
    expect(replay(heard)).toEqual(new Set(USERS));
    expect(heard).toHaveLength(3 * USERS.length);
  });

  it('[P3] late writes of a node that was reaped while frozen are refused and done again under a new incarnation', async () => {
    await stage.node('a');
    const frozen = stage.process(
      { node: 'frozen', connections: CONNECTIONS, rooms: ROOMS, leaves: [['park', 'user7']] },
      'after-connect@20=freeze',
    );
    await until(() => stage.reaped.length > 0);
    await stage.exact();
    frozen.child.signal('SIGCONT');
    await frozen.said('ready');
    const rooms = ROOMS.filter(([, user]) => user !== 'user7');
    await stage.exact(10_000, new Map([['frozen', twin(CONNECTIONS, rooms)]]));
    expect(replay(await stage.heard('park'))).toEqual(new Set(rooms.map(([, user]) => user)));
  });

  it.each(['after-reap-claim', 'after-reap'])(
    '[P3] a reaper that is killed at %s is followed by another, and reaped itself',
    async (point) => {
      const victim = stage.process({ node: 'victim', connections: CONNECTIONS, rooms: ROOMS });
      await victim.said('ready');
      const reaper = stage.process({ node: 'reaper', connections: [['r1', 'rita']], rooms: [['park', 'rita']] }, `${point}=kill`);
      await reaper.said('ready');
      await victim.kill();
      expect(await within(60_000, 'the reaper dies', reaper.child.exited)).toMatchObject({ signal: 'SIGKILL' });
      await stage.node('a');
      await stage.node('b');
      await stage.exact();
      expect(replay(await stage.heard('park'))).toEqual(new Set());
    },
  );

  it.each(['after-connect@5', 'after-enter@5', 'after-leave@2'])('[P3] nothing is left of a node that is killed at %s', async (point) => {
    await stage.node('a');
    const leaves = ROOMS.slice(0, 5);
    const victim = stage.process({ node: 'victim', connections: CONNECTIONS, rooms: ROOMS, leaves }, `${point}=kill`);
    expect(await within(60_000, 'the node dies', victim.child.exited)).toMatchObject({ signal: 'SIGKILL' });
    await until(() => stage.reaped.length > 0);
    await stage.exact();
    expect(replay(await stage.heard('park'))).toEqual(new Set());
  });

  it('[P3] a node that starts again under the same id at once does not inherit what it left', async () => {
    const before = stage.process({ node: 'same', connections: CONNECTIONS, rooms: ROOMS });
    await before.said('ready');
    await before.kill();
    const after = await stage.node('same', QUICK);
    await after.connect('c0', 'user0');
    await stage.exact();
    expect(replay(await stage.heard('park'))).toEqual(new Set());
  });
});
