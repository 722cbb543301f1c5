import { beforeEach, describe, expect, test } from 'vitest';
import type { Broker, Position } from '#libs/broker/broker.ts';
import { Counts } from '#libs/hub/delivery/counts.ts';
import { Joins } from '#libs/hub/delivery/joins.ts';
import { NewRooms } from '#libs/hub/limits/new-rooms.ts';
import { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { muteStats } from '#test/support/mute-stats.ts';
import { turn } from '#test/support/turn.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'den';
const HERE = { epoch: 'e1', offset: 3 };

let there: Position;
let waits: (() => void)[];
let frames: Record<string, unknown>[];
let rooms: Rooms;
let joins: Joins;
let connection: Connection;

beforeEach(() => {
  [waits, frames] = [[], []];
  const broker = {
    subscribe: () => Promise.resolve({ position: HERE, latest: [] }),
    after: () => Promise.resolve({ position: there, publications: [], more: false, complete: true }),
  } as unknown as Broker;
  rooms = new Rooms(broker, new NewRooms(0, () => undefined), () => 0);
  joins = new Joins({
    rooms,
    counts: new Counts({ publish: () => undefined }),
    broker,
    presence: { enter: () => Promise.resolve(1), leave: () => Promise.resolve() } as unknown as Presence,
    stats: muteStats(),
    faults: new Faults({ log: { error: () => undefined }, met: () => undefined }),
    privateRooms: { release: () => undefined },
    roomLimit: 100,
    background: new WatchedBackground(),
    clock: { steady: () => 0, wait: () => new Promise((resolve) => waits.push(resolve)) },
  });
  connection = openConnection(new LocalUser('ada', 'Ada', 'user', Promise.resolve()), (frame) => frames.push(JSON.parse(frame)));
});

const MEMBERSHIP: Membership = { room: ROOM, retention: Retention.stream, members: undefined };

/** Joins with a position that the broker knows and this node does not; resolves while it waits. */
async function joinAhead(since: Position): Promise<void> {
  there = since;
  joins.join(connection, 'j', ROOM, since, { known: () => MEMBERSHIP, ask: async () => MEMBERSHIP });
  await turn();
  expect(frames).toEqual([]);
  expect(waits).toHaveLength(1);
}

async function timeIsOver(): Promise<void> {
  for (const over of waits.splice(0)) over();
  await turn();
}

describe('[M5] who comes from a node that is ahead', () => {
  test('waits for this one, and has missed nothing', async () => {
    await joinAhead({ epoch: 'e1', offset: 4 });
    rooms.get(ROOM)?.relayed(4, Buffer.from(`{"offset":4,"room":"${ROOM}","type":"message","message":{"id":"m","at":1700000000000}}`));
    await turn();
    expect(frames).toMatchObject([{ type: 'joined', id: 'j', epoch: 'e1', offset: 4, recovered: true, messages: [] }]);
  });

  test('is refused for now where it stays behind, and is not in the room', async () => {
    await joinAhead({ epoch: 'e1', offset: 4 });
    await timeIsOver();
    expect(frames).toMatchObject([{ type: 'error', id: 'j', code: 'UNAVAILABLE', retryable: true }]);
    expect(connection.rooms).toEqual([]);
  });

  test('is told a loss where this node does not learn that the room began anew', async () => {
    await joinAhead({ epoch: 'e2', offset: 0 });
    await timeIsOver();
    expect(frames).toMatchObject([{ type: 'joined', id: 'j', ...HERE, recovered: false }]);
  });
});
