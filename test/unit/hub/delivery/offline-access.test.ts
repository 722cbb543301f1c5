/** Offline delivery, and what becomes of rooms and is said in them while it is under way. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '#libs/broker/broker.ts';
import { LostAccess } from '#libs/hub/delivery/lost-access.ts';
import { OfflineMessages } from '#libs/hub/delivery/offline-messages.ts';
import { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import { type Connection, Phase } from '#libs/hub/sessions/connection.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention, Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { StoredMessage } from '#libs/store/message-store.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { muteStats } from '#test/support/mute-stats.ts';
import { memberLeft, roomChanged, roomClosed } from '#test/support/stored-events.ts';
import { turn } from '#test/support/turn.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'conv:x';
const OTHER = 'conv:y';
const AT = 1_700_000_000_000;
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

interface Kept {
  top: number;
  delivered: number;
  standing: Standing;
}

let rooms: Map<string, Kept>;
let buffered: number;
let validity: MembershipValidity;
let users: LocalUsers;
let lost: LostAccess;
let privateRooms: PrivateRooms;
let offline: OfflineMessages;
/** Runs as the store is asked for a page. */
let onPage: () => Promise<void>;
/** Runs once it was asked what waits, before the answer is there. */
let onWaiting: () => Promise<void>;

const kept = (room: string): Kept => {
  const found = rooms.get(room);
  if (found === undefined) throw new Error(`no ${room}`);
  return found;
};
const text = (offset: number): string => `${offset} `.padEnd(900, '.');
const messageFrame = (room: string, offset: number): Buffer =>
  Buffer.from(
    `{"offset":${offset},"room":"${room}","type":"message","message":{"id":"m${offset}","from":{"id":"bob"},"text":"${text(offset)}","at":${AT + offset}}}`,
  );

beforeEach(() => {
  rooms = new Map([[ROOM, { top: 150, delivered: 0, standing: Standing.member }]]);
  buffered = 0;
  onPage = async () => undefined;
  onWaiting = async () => undefined;
  validity = new MembershipValidity(() => 0);
  users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
  const background = new WatchedBackground();
  const clock = { wait: async () => undefined };
  const standing = async (_: string, room: string) => kept(room).standing;
  const access = { standing, recheck: standing };
  const cursors = {
    advance: async () => true,
    delivered: async (_: string, room: string) => ({ delivered: kept(room).delivered, historyFrom: 0 }),
    waiting: async () => {
      const rows = [...rooms].flatMap(([room, { top, delivered, standing }]) =>
        standing === Standing.member && top > delivered ? [{ room, delivered, top, historyFrom: 0 }] : [],
      );
      await onWaiting();
      return rows;
    },
  };
  const after: Broker['after'] = async (room, offset) => ({
    position: { epoch: 'e', offset: kept(room).top },
    publications: range(offset + 1, kept(room).top).map((one) => ({ offset: one, frame: messageFrame(room, one) })),
    more: false,
    complete: true,
  });
  const messages = {
    after: async (room: string, from: number, limit: number): Promise<StoredMessage[]> => {
      await onPage();
      return range(from + 1, kept(room).top)
        .slice(0, limit)
        .map((offset) => ({
          room,
          offset,
          epoch: 'e',
          id: `m${offset}`,
          sender: '{"id":"bob","name":"Bob"}',
          text: text(offset),
          data: undefined,
          at: AT + offset,
        }));
    },
  };
  const broker = { after, before: after };
  const hot = { received: 0, delivered: 0, bytesSent: 0 };
  const stats = muteStats(hot);
  privateRooms = new PrivateRooms({ users, broker, cursors, access, stats, background, clock, now: () => 0 });
  offline = new OfflineMessages({ cursors, messages, broker, privateRooms, access, validity, clock, background });
  lost = new LostAccess({
    users,
    rooms: {
      get: () => undefined,
      *occupancy() {
        /* Nobody is in a room. */
      },
    },
    fanout: { publish: () => undefined },
    validity,
    access,
    background,
    takeOut: () => false,
  });
});

/** An agent's session. `got`: what came, `room offset`, and types of other frames. */
function session(
  id: string,
  isCaughtUp = false,
  phase: Phase = Phase.welcomed,
): { readonly connection: Connection; readonly got: string[] } {
  const got: string[] = [];
  const take = (frame: string): void => {
    const { type, room, offset } = JSON.parse(frame);
    got.push(offset === undefined ? type : `${room} ${offset}`);
    buffered += frame.length;
  };
  const connection = openConnection(users.enter('ann', 'Ann', 'user'), take, {
    id,
    bearer: { kind: 'agent' },
    phase,
    isCaughtUp,
    buffered: () => buffered,
  });
  users.add(connection);
  return { connection, got };
}

/** The client reads on until nothing comes any more. */
async function read(connection: Connection): Promise<void> {
  for (let count = 0; count < 20; count += 1) {
    buffered = 0;
    connection.drained();
    await turn();
  }
}

const of = (room: string, from: number, to: number): string[] => range(from, to).map((offset) => `${room} ${offset}`);

/** The change is committed, and the log tells of it. */
async function change(room: string, standing: Standing): Promise<void> {
  kept(room).standing = standing;
  const end = standing === Standing.expired ? 'expired' : 'closed';
  await lost.apply([standing === Standing.stranger ? memberLeft(room, 'ann') : roomClosed(room, end, 'ann')]);
}

describe('[R7] offline delivery of a room that is lost on the way', () => {
  test('ends there, and goes on with the others', async () => {
    rooms.set(OTHER, { top: 200, delivered: 180, standing: Standing.member });
    const { connection, got } = session('c');
    offline.deliver(connection);
    await turn();
    const before = got.length;
    expect(got).toEqual(of(ROOM, 1, before));
    expect(before).toBeLessThan(100);
    await change(ROOM, Standing.stranger);
    kept(ROOM).top = 190;
    await read(connection);
    expect(got.slice(before)).toEqual([...of(OTHER, 181, 200), 'offline_messages_complete']);
    expect([...connection.user.feeds.keys()]).toEqual([OTHER]);
  });

  test('and is gained again before the end goes on', async () => {
    const { connection, got } = session('c');
    offline.deliver(connection);
    await turn();
    await change(ROOM, Standing.stranger);
    kept(ROOM).top = 190;
    kept(ROOM).standing = Standing.member;
    await read(connection);
    expect(got).toEqual([...of(ROOM, 1, 190), 'offline_messages_complete']);
  });

  test('and gained again after it begins at the cursor', async () => {
    const { connection, got } = session('c');
    offline.deliver(connection);
    await turn();
    await change(ROOM, Standing.stranger);
    await read(connection);
    expect(got.at(-1)).toBe('offline_messages_complete');
    Object.assign(kept(ROOM), { top: 191, delivered: 188, standing: Standing.member });
    got.length = 0;
    privateRooms.arrived('ann', Retention.history, messageFrame(ROOM, 191));
    await read(connection);
    expect(got).toEqual(of(ROOM, 189, 191));
  });

  test('as it is asked what waits, or a page is read', async () => {
    const { connection, got } = session('c');
    onWaiting = async () => {
      onWaiting = async () => undefined;
      await change(ROOM, Standing.stranger);
    };
    offline.deliver(connection);
    await read(connection);
    Object.assign(kept(ROOM), { standing: Standing.member });
    const other = session('d');
    onPage = async () => {
      onPage = async () => undefined;
      await change(ROOM, Standing.stranger);
    };
    offline.deliver(other.connection);
    await read(other.connection);
    expect([...got, ...other.got]).toEqual(['offline_messages_complete', 'offline_messages_complete']);
  });

  test('has nothing that was said after it was asked what waits', async () => {
    rooms.set(ROOM, { top: 10, delivered: 0, standing: Standing.member });
    const { connection, got } = session('c');
    onPage = async () => {
      // The log tells of it later.
      Object.assign(kept(ROOM), { top: 20, standing: Standing.stranger });
    };
    offline.deliver(connection);
    await read(connection);
    expect(got).toEqual([...of(ROOM, 1, 10), 'offline_messages_complete']);
  });

  test('has nothing that was signalled meanwhile', async () => {
    const { connection, got } = session('c');
    offline.deliver(connection);
    await turn();
    const before = got.length;
    connection.deliveries.postpone(ROOM, 151);
    kept(ROOM).top = 152;
    await change(ROOM, Standing.stranger);
    connection.deliveries.postpone(ROOM, 152);
    await read(connection);
    expect(got.slice(before)).toEqual(['offline_messages_complete']);
  });

  test('is found by a node that missed changes', async () => {
    const { connection, got } = session('c');
    offline.deliver(connection);
    await turn();
    const before = got.length;
    kept(ROOM).standing = Standing.stranger;
    await lost.recheck();
    await read(connection);
    expect(got.slice(before)).toEqual(['offline_messages_complete']);
  });
});

test('[A10] a conversation that is closed meanwhile is delivered to its end, also what another session acknowledged', async () => {
  const { connection, got } = session('c');
  offline.deliver(connection);
  await turn();
  connection.deliveries.postpone(ROOM, 151);
  Object.assign(kept(ROOM), { top: 151, delivered: 151 });
  await change(ROOM, Standing.closed);
  await read(connection);
  expect(got.filter((frame) => frame.startsWith(ROOM)).at(-1)).toBe(`${ROOM} 151`);
});

test('[M6] changes of a room that is kept lose nothing and repeat nothing', async () => {
  const { connection, got } = session('c');
  offline.deliver(connection);
  await turn();
  connection.deliveries.postpone(ROOM, 151);
  kept(ROOM).top = 151;
  await lost.apply([roomChanged(ROOM)]);
  await read(connection);
  expect(got).toEqual([...of(ROOM, 1, 151), 'offline_messages_complete']);
});

test('[R7] a store that is away meanwhile tells nobody that all has come', async () => {
  const { connection, got } = session('c');
  let failures = 3;
  onWaiting = async () => {
    failures -= 1;
    if (failures >= 0) throw new HubError('UNAVAILABLE');
  };
  offline.deliver(connection);
  await read(connection);
  expect(got).toEqual([...of(ROOM, 1, 150), 'offline_messages_complete']);
});

test('[M4] what is said while a second session registers comes in its place, once', async () => {
  Object.assign(kept(ROOM), { top: 4, delivered: 3 });
  const first = session('c', true);
  privateRooms.arrived('ann', Retention.history, messageFrame(ROOM, 4));
  await turn();
  const second = session('d', false, Phase.registering);
  kept(ROOM).top = 5;
  privateRooms.arrived('ann', Retention.history, messageFrame(ROOM, 5));
  await turn();
  // As the hub does at `welcome`.
  second.connection.welcome('{"type":"welcome"}');
  offline.deliver(second.connection);
  second.connection.releaseEarly();
  await turn();
  expect(first.got).toEqual(of(ROOM, 4, 5));
  expect(second.got).toEqual(['welcome', ...of(ROOM, 4, 5), 'offline_messages_complete']);
});

test('[H6] frames that a client sends before `welcome` are counted without those that the hub sends', () => {
  const { connection, got } = session('c', false, Phase.registering);
  for (let i = 0; i < 100; i += 1) connection.deliver('{"type":"inform"}');
  const taken = range(1, 65).filter(() => connection.hold(() => undefined));
  expect(taken).toHaveLength(64);
  expect(got).toEqual([]);
});
