import { beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '#libs/broker/broker.ts';
import { Receipts } from '#libs/hub/delivery/receipts.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { DeliveryStage } from '#test/support/delivery-stage.ts';
import { turn } from '#test/support/turn.ts';

const ROOM = 'dm:x';
const message = (offset: number): Buffer =>
  Buffer.from(`{"offset":${offset},"room":"${ROOM}","type":"message","message":{"id":"m${offset}","from":{"id":"bob"},"text":"x","at":1}}`);

/** What the stream has, from the lowest offset to the highest. */
let kept: { from: number; top: number; epoch: string };
/** Reads of the broker wait for this. */
let held: PromiseWithResolvers<void> | undefined;
let entered: PromiseWithResolvers<number>;
let sent: string[];
let advanced: number[];
let stage: DeliveryStage;
let receipts: Receipts;
let connection: Connection;

beforeEach(() => {
  [sent, advanced, kept, entered] = [[], [], { from: 1, top: 5, epoch: 'e' }, Promise.withResolvers<number>()];
  const page: Broker['after'] = async (_, above) => {
    const { epoch } = kept;
    const offsets = Array.from({ length: kept.top }, (_, i) => i + 1).filter((offset) => offset > above && offset >= kept.from);
    const publications = offsets.map((offset) => ({ offset, frame: message(offset) }));
    const read = { position: { epoch, offset: kept.top }, publications, more: false, complete: offsets[0] === above + 1 };
    await held?.promise;
    return read;
  };
  held = undefined;
  stage = new DeliveryStage({
    room: ROOM,
    retention: Retention.history,
    broker: {
      subscribe: async () => ({ position: { epoch: 'e', offset: 5 }, latest: [], began: false }),
      unsubscribe: () => undefined,
      after: page,
      before: async (room, _, limit) => page(room, 0, limit),
    },
    cursors: { delivered: async () => ({ delivered: 5, historyFrom: 0 }), waiting: async () => [] },
    enter: () => entered.promise,
  });
  const cursors = { advance: async (_: string, __: string, offset: number) => advanced.push(offset) > 0 };
  receipts = new Receipts({ cursors, background: stage.background, steady: () => 0 });
  connection = connect(true);
});

function connect(isCaughtUp: boolean): Connection {
  const take = (frame: string): void => {
    const { type, code, offset } = JSON.parse(frame);
    sent.push(`${type} ${code ?? offset}`);
  };
  const one = stage.connect(take, { isCaughtUp });
  stage.privateRooms.start(one, ROOM, 5);
  return one;
}

async function join(): Promise<void> {
  stage.join(connection, 'j');
  await turn();
}

function arrives(offset: number): void {
  kept.top = Math.max(kept.top, offset);
  stage.privateRooms.arrived('ann', Retention.history, message(offset));
}

describe('[M4] [M6] what comes while a private room is joined', () => {
  test('is held, and sent in order where a leave overtakes the join', async () => {
    await join();
    arrives(6);
    arrives(7);
    expect(sent).toEqual([]);
    stage.joins.leave(connection, ROOM);
    arrives(8);
    expect(sent).toEqual(['error NOT_JOINED', 'message 6', 'message 7', 'message 8']);
  });

  test('is sent where the join fails', async () => {
    await join();
    arrives(6);
    entered.reject(new HubError('UNAVAILABLE'));
    await turn();
    expect(sent).toEqual(['error UNAVAILABLE', 'message 6']);
  });

  test('is in the page, or follows it', async () => {
    await join();
    arrives(6);
    kept.top = 7;
    entered.resolve(2);
    await turn();
    arrives(7);
    arrives(8);
    expect(sent).toEqual(['joined 7', 'message 8']);
  });

  test('follows the page that was read before it', async () => {
    entered.resolve(2);
    stage.join(connection, 'j');
    held = Promise.withResolvers<void>();
    await turn();
    arrives(6);
    held.resolve();
    await turn();
    expect(sent).toEqual(['joined 5', 'message 6']);
  });

  test('comes once after a leave, and another join tells how far it came', async () => {
    entered.resolve(2);
    await join();
    arrives(6);
    stage.joins.leave(connection, ROOM);
    arrives(7);
    await join();
    await join();
    expect(sent).toEqual(['joined 5', 'message 6', 'message 7', 'joined 7', 'joined 7']);
  });

  test('comes with offline delivery where that is under way', async () => {
    stage.users.remove(connection);
    connection = connect(false);
    await join();
    arrives(6);
    stage.joins.leave(connection, ROOM);
    expect([sent, connection.deliveries.postponed.get(ROOM)]).toEqual([['error NOT_JOINED'], 6]);
  });

  test('does not come to whoever lost the room (R7)', async () => {
    await join();
    arrives(6);
    connection.user.loses(ROOM);
    stage.joins.takeOut(connection, ROOM, new HubError('FORBIDDEN'));
    await turn();
    expect(sent).toEqual(['error FORBIDDEN']);
  });

  test('does not count as delivered before it was sent', async () => {
    const pings: string[] = [];
    connection.ping = (text) => pings.push(text);
    await join();
    arrives(6);
    connection.receipts.sent();
    receipts.alive(connection);
    expect(pings).toEqual([]);
    stage.joins.leave(connection, ROOM);
    receipts.alive(connection);
    receipts.ponged(connection, pings.at(-1) ?? '');
    expect(advanced).toEqual([6]);
  });

  test('ends the connection where it is more than a thousand', async () => {
    await join();
    const ended: string[] = [];
    connection.end = (code) => ended.push(code);
    for (let offset = 6; offset < 1006; offset += 1) arrives(offset);
    expect(ended).toEqual([]);
    arrives(1006);
    expect(ended).toEqual(['UNAVAILABLE']);
  });
});

test('[M4] a first message that was lost on its way is looked for in a room that is joined', async () => {
  entered.resolve(2);
  connection.user.loses(ROOM);
  await join();
  kept.top = 7;
  stage.privateRooms.heal(['ann']);
  await turn();
  expect(sent).toEqual(['joined 5', 'message 6', 'message 7']);
});

test('[M4] a sequence that began anew is told to whoever joined', async () => {
  entered.resolve(2);
  await join();
  kept = { from: 1, top: 2, epoch: 'new' };
  stage.privateRooms.heal(['ann']);
  await turn();
  expect(sent).toEqual(['joined 5', 'resync 2']);
});

test('[M4] a loss that is found while the room is joined again is told where that join fails', async () => {
  entered.resolve(2);
  await join();
  stage.joins.leave(connection, ROOM);
  entered = Promise.withResolvers();
  await join();
  // The new sequence is as long as the old one was, and its first signals are lost.
  kept = { from: 1, top: 5, epoch: 'new' };
  stage.privateRooms.heal(['ann']);
  await turn();
  expect(sent).toEqual(['joined 5']);
  stage.joins.leave(connection, ROOM);
  await turn();
  expect(sent).toEqual(['joined 5', 'error NOT_JOINED', 'resync 5']);
});
