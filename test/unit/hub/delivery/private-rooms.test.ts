import { describe, expect, test } from 'vitest';
import type { Broker } from '#libs/broker/broker.ts';
import { PrivateRooms } from '#libs/hub/delivery/private-rooms.ts';
import { LocalUsers } from '#libs/hub/sessions/local-users.ts';
import { Retention, Standing } from '#libs/messages/room-access.ts';
import type { Waiting } from '#libs/store/message-store.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { muteStats } from '#test/support/mute-stats.ts';
import { turn } from '#test/support/turn.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'dm:x';
const messageFrame = (offset: number): Buffer =>
  Buffer.from(`{"offset":${offset},"room":"${ROOM}","type":"message","message":{"id":"m${offset}","from":{"id":"bob"},"text":"x","at":1}}`);

/** A user whose cursor is at 2, in a room that has 1 to 6; the cursor is told when the test says so. */
function stage(connections: number, standings: Standing[] = [], asked?: (() => void)[], waiting: Waiting[] = []) {
  const users = new LocalUsers({ subscribeUser: async () => undefined, unsubscribe: () => undefined });
  const sent: string[] = [];
  const cursor = Promise.withResolvers<{ delivered: number; historyFrom: number }>();
  for (let i = 0; i < connections; i += 1) {
    const send = (frame: string) => {
      const { type, offset } = JSON.parse(frame);
      sent.push(type === 'resync' ? `c${i} resync ${offset}` : `c${i} ${offset}`);
    };
    const connection = openConnection(users.enter('ann', 'Ann', 'user'), send, { id: `c${i}` });
    users.add(connection);
  }
  const sequence = { epoch: 'e', offset: 6 };
  const after: Broker['after'] = async (_, offset) => ({
    position: { ...sequence },
    publications: [1, 2, 3, 4, 5, 6]
      .filter((one) => one > offset && one <= sequence.offset)
      .map((one) => ({ offset: one, frame: messageFrame(one) })),
    more: false,
    complete: true,
  });
  const rooms = new PrivateRooms({
    users,
    broker: { after, before: (room, _, limit) => after(room, 0, limit) },
    cursors: {
      delivered: () => cursor.promise,
      waiting: () => new Promise((resolve) => (asked === undefined ? resolve(waiting) : asked.push(() => resolve(waiting)))),
    },
    access: { standing: async () => standings.at(-1) ?? Standing.member },
    stats: muteStats(),
    background: new WatchedBackground(),
    clock: { wait: async () => undefined },
    now: () => 0,
  });
  const [last] = users.of('ann').slice(-1);
  if (last === undefined) throw new Error('nobody is here');
  const told = async (): Promise<void> => {
    cursor.resolve({ delivered: 2, historyFrom: 0 });
    await turn();
  };
  return { rooms, users, last, sent, told, sequence };
}

test('[M4] what offline delivery hands over while the cursor is asked for does not come again', async () => {
  const { rooms, last, sent, told } = stage(1);
  rooms.arrived('ann', Retention.history, messageFrame(5));
  rooms.start(last, ROOM, 5);
  rooms.arrived('ann', Retention.history, messageFrame(6));
  await told();
  expect(sent).toEqual(['c0 6']);
});

test('[M4] what lies between the cursor and the first message comes in order', async () => {
  const { rooms, sent, told } = stage(1);
  rooms.arrived('ann', Retention.history, messageFrame(5));
  await told();
  expect(sent).toEqual(['c0 3', 'c0 4', 'c0 5']);
});

test('[M6] of several connections none misses what only another one was handed', async () => {
  const { rooms, last, sent, told } = stage(2);
  rooms.arrived('ann', Retention.history, messageFrame(5));
  rooms.start(last, ROOM, 5);
  await told();
  expect(sent).toEqual(['c0 3', 'c0 4', 'c0 5']);
});

test('[M4] [M6] what offline delivery sent to one connection before its signal came is handed to the others', async () => {
  const { rooms, last, sent, told } = stage(2);
  rooms.arrived('ann', Retention.history, messageFrame(3));
  await told();
  sent.length = 0;
  rooms.start(last, ROOM, 5);
  await told();
  expect(sent).toEqual(['c0 4', 'c0 5']);
  rooms.arrived('ann', Retention.history, messageFrame(4));
  rooms.arrived('ann', Retention.history, messageFrame(5));
  expect(sent).toHaveLength(2);
  rooms.arrived('ann', Retention.history, messageFrame(6));
  expect(sent).toEqual(['c0 4', 'c0 5', 'c0 6', 'c1 6']);
});

test('[R7] what was begun before the room was lost hands over nothing more', async () => {
  const { rooms, last, sent, told } = stage(1);
  rooms.start(last, ROOM, 2);
  // A gap: it is read.
  rooms.arrived('ann', Retention.history, messageFrame(5));
  last.user.loses(ROOM);
  await told();
  expect(sent).toEqual([]);
});

test('[R7] nor does what waits for the cursor', async () => {
  const { rooms, last, sent, told } = stage(1);
  rooms.arrived('ann', Retention.history, messageFrame(3));
  last.user.loses(ROOM);
  await told();
  expect(sent).toEqual([]);
});

for (const keeps of [Retention.history, Retention.stream]) {
  test(`[R7] a signal that comes after the room was lost begins nothing: ${keeps}`, async () => {
    const standings: Standing[] = [Standing.member];
    const { rooms, last, sent, told } = stage(1, standings);
    rooms.arrived('ann', keeps, messageFrame(3));
    await told();
    standings.push(Standing.stranger);
    last.user.loses(ROOM);
    rooms.arrived('ann', keeps, messageFrame(4));
    await told();
    expect(sent).toEqual(['c0 3']);
    standings.push(Standing.member);
    rooms.arrived('ann', keeps, messageFrame(5));
    await told();
    expect(sent.at(-1)).toBe('c0 5');
  });

  test(`[R7] nor one that comes after its end was told: ${keeps}`, async () => {
    const standings: Standing[] = [Standing.member];
    const { rooms, last, sent, told } = stage(1, standings);
    rooms.arrived('ann', keeps, messageFrame(3));
    await told();
    standings.push(Standing.closed);
    last.user.closes(ROOM);
    rooms.arrived('ann', keeps, messageFrame(4));
    await told();
    expect(sent).toEqual(['c0 3']);
  });
}

test('[M4] a backend that goes away again and again has each user looked after once, of a few at a time', async () => {
  const asked: (() => void)[] = [];
  const { rooms, users } = stage(1, [], asked);
  const ids = Array.from({ length: 40 }, (_, i) => `u${i}`);
  for (const id of ids) users.add(openConnection(users.enter(id, id, 'user'), () => undefined, { id }));
  for (let time = 0; time < 5; time += 1) rooms.heal(ids);
  expect(asked).toHaveLength(16);
  let answered = 0;
  while (asked.length > 0) {
    for (const answer of asked.splice(0)) {
      answer();
      answered += 1;
    }
    await turn();
    expect(asked.length).toBeLessThanOrEqual(16);
  }
  // Who was asked about before it went away again is asked about once more.
  expect(answered).toBe(56);
});

test('[M4] a cursor that another session moved ahead hides nothing from this one', async () => {
  const { rooms, sent, told } = stage(1, [], undefined, [{ room: ROOM, delivered: 5, top: 6, historyFrom: 0 }]);
  rooms.arrived('ann', Retention.history, messageFrame(3));
  await told();
  rooms.heal(['ann']);
  await turn();
  expect(sent).toEqual(['c0 3', 'c0 4', 'c0 5', 'c0 6']);
});

describe('[M4] in a room that keeps only a stream', () => {
  /** The user has 1 to 4 of a sequence that is lost then. */
  async function lost(top: number) {
    const staged = stage(2);
    for (const offset of [1, 2, 3, 4]) staged.rooms.arrived('ann', Retention.stream, messageFrame(offset), 'e');
    await turn();
    expect(staged.sent).toHaveLength(8);
    staged.sent.length = 0;
    Object.assign(staged.sequence, { epoch: 'new', offset: top });
    return staged;
  }

  test.each([1, 4, 5, 6])('a new sequence is told by its first signal, whose offset is %d, and goes on', async (top) => {
    const { rooms, sent, sequence } = await lost(top);
    rooms.arrived('ann', Retention.stream, messageFrame(top), 'new');
    sequence.offset = top + 1;
    rooms.arrived('ann', Retention.stream, messageFrame(top + 1), 'new');
    await turn();
    expect(sent).toEqual([`c0 resync ${top}`, `c1 resync ${top}`, `c0 ${top + 1}`, `c1 ${top + 1}`]);
  });

  test('the look after a loss of signals finds it, too; what comes late of the lost one is nothing new', async () => {
    const { rooms, sent, users, sequence } = await lost(0);
    users.of('ann')[0]?.deliveries.pageSent(ROOM, { epoch: 'e', offset: 4 });
    rooms.heal(['ann']);
    await turn();
    expect(sent).toEqual(['c0 resync 0', 'c1 resync 0']);
    sequence.offset = 1;
    rooms.arrived('ann', Retention.stream, messageFrame(1), 'new');
    expect(sent).toEqual(['c0 resync 0', 'c1 resync 0', 'c0 1', 'c1 1']);
    rooms.arrived('ann', Retention.stream, messageFrame(6), 'e');
    await turn();
    expect(sent).toHaveLength(4);
  });

  test('whose first two signals swap places hands both over in order, if the second comes in time', async () => {
    const { rooms, sent } = stage(1);
    rooms.arrived('ann', Retention.stream, messageFrame(6), 'e');
    rooms.arrived('ann', Retention.stream, messageFrame(5), 'e');
    await turn();
    expect(sent).toEqual(['c0 5', 'c0 6']);
  });

  test('whose first signals swap places tells by `resync` of a message that comes after later ones, once', async () => {
    const { rooms, sent, sequence } = stage(1);
    sequence.offset = 5;
    rooms.arrived('ann', Retention.stream, messageFrame(5), 'e');
    await turn();
    for (const offset of [4, 4, 5]) rooms.arrived('ann', Retention.stream, messageFrame(offset), 'e');
    await turn();
    expect(sent).toEqual(['c0 5', 'c0 resync 5']);
    rooms.arrived('ann', Retention.stream, messageFrame(6), 'e');
    expect(sent.at(-1)).toBe('c0 6');
  });

  test('a gap is not filled from another sequence', async () => {
    const { rooms, sent } = await lost(6);
    rooms.arrived('ann', Retention.stream, messageFrame(6), 'e');
    await turn();
    expect(sent).toEqual(['c0 resync 6', 'c1 resync 6']);
  });
});
