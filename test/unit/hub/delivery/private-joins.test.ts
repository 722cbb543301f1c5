import { beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '#libs/broker/broker.ts';
import { Counts } from '#libs/hub/delivery/counts.ts';
import { Joins } from '#libs/hub/delivery/joins.ts';
import { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import { Receipts } from '#libs/hub/delivery/receipts.ts';
import { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention, Standing } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { turn } from '#test/support/turn.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'dm:x';
const message = (offset: number): Buffer =>
  Buffer.from(`{"offset":${offset},"room":"${ROOM}","type":"message","message":{"id":"m${offset}","from":{"id":"bob"},"text":"x","at":1}}`);

/** What the stream has, from the lowest offset to the highest. */
let kept: { from: number; top: number };
let entered: PromiseWithResolvers<number>;
let sent: string[];
let advanced: number[];
let joins: Joins;
let rooms: Rooms;
let privateRooms: PrivateRooms;
let receipts: Receipts;
let connection: Connection;

beforeEach(() => {
  [sent, advanced, kept, entered] = [[], [], { from: 1, top: 5 }, Promise.withResolvers<number>()];
  const page: Broker['after'] = async (_, above) => {
    const offsets = Array.from({ length: kept.top }, (_, i) => i + 1).filter((offset) => offset > above && offset >= kept.from);
    const publications = offsets.map((offset) => ({ offset, frame: message(offset) }));
    return { position: { epoch: 'e', offset: kept.top }, publications, more: false, complete: offsets[0] === above + 1 };
  };
  const broker = {
    subscribe: async () => ({ position: { epoch: 'e', offset: 5 }, latest: [], began: false }),
    unsubscribe: () => undefined,
    after: page,
    before: async (room: string, _: number, limit: Parameters<Broker['before']>[2]) => page(room, 0, limit),
  } as unknown as Broker;
  const stats = {
    hot: { received: 0, delivered: 0, bytesSent: 0 },
    delivery: () => undefined,
    recovered: () => undefined,
    rateLimited: () => undefined,
  };
  const background = new WatchedBackground();
  const users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
  connection = openConnection(users.enter('ann', 'Ann', 'user'), (frame) => {
    const { type, code, offset } = JSON.parse(frame);
    sent.push(`${type} ${code ?? offset}`);
  });
  connection.registering = false;
  connection.welcomed = true;
  users.add(connection);
  rooms = new Rooms(broker, new NewRooms(0, () => undefined), () => 0);
  joins = new Joins({
    rooms,
    counts: new Counts({ publish: () => undefined }),
    broker,
    presence: { enter: () => entered.promise, leave: async () => undefined } as unknown as Presence,
    stats,
    faults: new Faults({ log: { error: () => undefined }, met: () => undefined }),
    roomLimit: 100,
    background,
    clock: { steady: () => 0, wait: async () => undefined },
  });
  const cursors = {
    delivered: async () => ({ delivered: 5, historyFrom: 0 }),
    waiting: async () => [],
    advance: async (_: string, __: string, offset: number) => advanced.push(offset) > 0,
  };
  const access = { standing: async () => Standing.member };
  const clock = { wait: async () => undefined };
  privateRooms = new PrivateRooms({ users, broker, cursors, access, stats, background, clock });
  receipts = new Receipts({ cursors, background, now: () => 0 });
  privateRooms.start(connection, ROOM, 5);
});

async function join(): Promise<void> {
  joins.join(connection, 'j', ROOM, undefined, () => ({ room: ROOM, retention: Retention.history, members: ['ann', 'bob'] }));
  await turn();
}

function arrives(offset: number): void {
  kept.top = Math.max(kept.top, offset);
  privateRooms.arrived('ann', Retention.history, message(offset));
}

describe('[M4] [M6] what was left to a private room', () => {
  test('is sent where a leave overtakes the join, in order with what comes meanwhile, each once', async () => {
    await join();
    arrives(6);
    arrives(7);
    joins.leave(connection, ROOM);
    arrives(8);
    await turn();
    arrives(9);
    expect(sent).toEqual(['error NOT_JOINED', 'message 6', 'message 7', 'message 8', 'message 9']);
  });

  test('is sent where the join fails', async () => {
    await join();
    arrives(6);
    entered.reject(new HubError('UNAVAILABLE'));
    await turn();
    expect(sent).toEqual(['error UNAVAILABLE', 'message 6']);
  });

  test('is sent where the room is left while its relay is behind, and nothing that it relayed', async () => {
    entered.resolve(2);
    await join();
    arrives(6);
    arrives(7);
    rooms.get(ROOM)?.relayed(6, message(6));
    joins.leave(connection, ROOM);
    await turn();
    expect(sent).toEqual(['joined 5', 'message 7']);
  });

  test('is told by `resync` where it is no longer kept', async () => {
    await join();
    arrives(6);
    kept.from = 7;
    joins.leave(connection, ROOM);
    await turn();
    arrives(7);
    expect(sent).toEqual(['error NOT_JOINED', 'resync 6', 'message 7']);
  });

  test('waits for the next leave where it joins again meanwhile', async () => {
    await join();
    arrives(6);
    joins.leave(connection, ROOM);
    await join();
    expect(sent).toEqual(['error NOT_JOINED']);
    joins.leave(connection, ROOM);
    await turn();
    expect(sent.slice(1)).toEqual(['error NOT_JOINED', 'message 6']);
  });

  test('comes with offline delivery where that is under way', async () => {
    connection.behind = new Map();
    await join();
    arrives(6);
    joins.leave(connection, ROOM);
    await turn();
    expect([sent, connection.behind.get(ROOM)]).toEqual([['error NOT_JOINED'], 6]);
  });

  test('does not come to whoever lost the room (R7)', async () => {
    await join();
    arrives(6);
    connection.user.reached?.delete(ROOM);
    joins.takeOut(connection, ROOM, new HubError('FORBIDDEN'));
    await turn();
    expect(sent).toEqual(['error FORBIDDEN']);
  });

  test('does not count as delivered before it was sent', async () => {
    const pings: string[] = [];
    connection.ping = (text) => pings.push(text);
    await join();
    arrives(6);
    joins.leave(connection, ROOM);
    connection.unacknowledged = true;
    receipts.alive(connection);
    receipts.ponged(connection, pings.at(-1) ?? '');
    await turn();
    receipts.alive(connection);
    receipts.ponged(connection, pings.at(-1) ?? '');
    expect(advanced).toEqual([5, 6]);
  });
});
