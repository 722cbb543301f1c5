import { beforeEach, expect, test } from 'vitest';
import { AckQueue } from '#libs/hub/delivery/ack-queue.ts';
import { Room } from '#libs/hub/rooms/room.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { turn } from '#test/support/turn.ts';

let sent: string[];
let over: () => void;
let acks: AckQueue;
let room: Room;

const take = (frame: string): void => void sent.push(frame);
const connection = { send: take, sendAck: take } as unknown as Connection;

beforeEach(() => {
  sent = [];
  acks = new AckQueue(
    { publish: () => undefined },
    {
      wait: () =>
        new Promise((resolve) => {
          over = resolve;
        }),
    },
  );
  room = new Room('den', true, { bytes: 0, max: 1000 });
  room.restart({ epoch: 'e', offset: 4 }, []);
});

test('an ack waits until its room relays a message, and goes right after it', () => {
  acks.send(connection, room, 5, 'five');
  acks.send(connection, room, 6, 'six');
  expect([sent, acks.size]).toEqual([[], 2]);
  acks.relayed(new Room('other', true, { bytes: 0, max: 1000 }));
  expect(sent).toEqual([]);
  acks.relayed(room);
  expect([sent, acks.size]).toEqual([['five', 'six'], 0]);
  acks.relayed(room);
  expect(sent).toHaveLength(2);
});

test('it waits for no message that was relayed before, and in no room that the connection is not in', () => {
  acks.send(connection, room, 4, 'relayed');
  acks.send(connection, undefined, 9, 'private');
  expect([sent, acks.size]).toEqual([['relayed', 'private'], 0]);
});

test('it goes after the longest wait if no message is relayed, and the next one waits again', async () => {
  acks.send(connection, room, undefined, 'live');
  over();
  await turn();
  expect([sent, acks.size]).toEqual([['live'], 0]);
  acks.send(connection, room, undefined, 'later');
  expect(sent).toHaveLength(1);
  over();
  await turn();
  expect(sent).toEqual(['live', 'later']);
});
