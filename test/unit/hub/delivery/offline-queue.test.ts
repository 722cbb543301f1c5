import { beforeEach, describe, expect, test } from 'vitest';
import type { Page, PageLimit } from '#libs/broker/broker.ts';
import { OfflineQueue, type OfflineSpan } from '#libs/hub/delivery/offline-queue.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import type { StoredMessage } from '#libs/store/message-store.ts';

const ROOM = 'group:x';
const SENDER = '{"id":"ä","name":"Ä"}';
/** A user whose id has to be escaped. */
const ME = 'ö"\\';
const MINE = JSON.stringify({ id: ME, name: 'Ö' });
const senderOf = (offset: number): string => (mine.includes(offset) ? MINE : SENDER);
const AT = 1_700_000_000_000;
const PAGE = 4;

let stored: number[];
let stream: number[];
/** Offsets of what the user said. */
let mine: number[];
let away: boolean;
/** Offsets above which the stream was read. */
let asked: number[];

beforeEach(() => {
  [stored, stream, mine, away, asked] = [[], [], [], false, []];
});

const text = (offset: number): string => `Nr. ${offset} – ✓`;
const id = (offset: number): string => `id-${offset}`;

function message(offset: number): StoredMessage {
  return { room: ROOM, offset, epoch: 'e', id: id(offset), sender: senderOf(offset), text: text(offset), data: undefined, at: AT + offset };
}

/** As the brokers do: of what is kept the first stretch without a hole, at most `count`. */
function after(_room: string, offset: number, limit: PageLimit): Promise<Page> {
  asked.push(offset);
  if (away) return Promise.reject(new HubError('UNAVAILABLE'));
  const newer = stream.filter((kept) => kept > offset);
  const run = newer.filter((kept, i) => kept === (newer[0] ?? 0) + i).slice(0, limit.count);
  const publications = run.map((kept) => ({
    offset: kept,
    frame: Buffer.from(`{"offset":${kept},${messageTail(ROOM, id(kept), senderOf(kept), text(kept), undefined, AT + kept)}`),
  }));
  const position = { epoch: 'e', offset: stream.at(-1) ?? 0 };
  return Promise.resolve({ position, publications, more: run.length < newer.length, complete: run[0] === offset + 1 });
}

function queue(from: number, top: number, historyFrom = 0, more: Partial<OfflineSpan> = {}): OfflineQueue {
  const messages = {
    after: (_room: string, offset: number, limit: number) =>
      Promise.resolve(
        stored
          .filter((kept) => kept > offset)
          .slice(0, limit)
          .map(message),
      ),
  };
  return new OfflineQueue(
    { messages, broker: { after } },
    {
      room: ROOM,
      from,
      top,
      historyFrom,
      page: PAGE,
      user: ME,
      sent: from,
      ownFrom: Number.POSITIVE_INFINITY,
      wantsEvents: false,
      ...more,
    },
  );
}

async function offsets(of: OfflineQueue): Promise<number[]> {
  const all: number[] = [];
  for (await of.fill(); of.head !== undefined; await of.fill()) {
    const { offset, at, frame } = of.head;
    all.push(offset);
    expect(at).toBe(AT + offset);
    expect(JSON.parse(frame)).toEqual({
      type: 'offline_message',
      room: ROOM,
      offset,
      message: { id: id(offset), from: JSON.parse(senderOf(offset)), text: text(offset), at: AT + offset },
    });
    of.shift();
  }
  return all;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('[M6] messages that wait for a user', () => {
  test('come from the store alone where it has them all', async () => {
    stored = range(3, 11);
    stream = range(1, 11);
    expect(await offsets(queue(2, 11))).toEqual(range(3, 11));
    expect(asked).toEqual([]);
  });

  test('that the store does not have yet come from the stream, in their place', async () => {
    stored = [3, 5, 6, 9];
    stream = range(1, 9);
    expect(await offsets(queue(2, 9))).toEqual(range(3, 9));
    expect(asked).toEqual([3, 6]);
  });

  test('are found before the first stored one, and between two pages', async () => {
    stored = [4, 5, 6, 7, 9];
    stream = range(1, 9);
    expect(await offsets(queue(2, 9))).toEqual(range(3, 9));
  });

  test('are not those of the stream that are older than the history', async () => {
    stored = [4, 6];
    stream = range(1, 6);
    expect(await offsets(queue(0, 6, AT + 3))).toEqual(range(3, 6));
  });

  test('that neither has were dropped for their age: one look, and they are skipped', async () => {
    stored = [50, 51];
    stream = [51];
    expect(await offsets(queue(0, 51))).toEqual([50, 51]);
    expect(asked).toEqual([0]);
  });

  test('are as many as the stream has, though it has holes', async () => {
    stored = [1, 400];
    stream = [...range(2, 200), ...range(203, 300), 400];
    expect(await offsets(queue(0, 400))).toEqual([1, ...range(2, 200), ...range(203, 300), 400]);
  });

  test('above the highest stored one are left: they come as they are stored', async () => {
    stored = [1, 2];
    stream = range(1, 9);
    expect(await offsets(queue(0, 2))).toEqual([1, 2]);
  });

  test('are asked for again where the broker is away: nothing is skipped', async () => {
    stored = [1, 3];
    stream = range(1, 3);
    away = true;
    const waiting = queue(0, 3);
    await expect(waiting.fill()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    away = false;
    expect(await offsets(waiting)).toEqual([1, 2, 3]);
  });

  test('are not what the user said, be it in the store or only in the stream; the cursor may go over what comes before others’', async () => {
    [stored, stream, mine] = [[1, 3, 4, 6, ...range(8, 30)], range(1, 30), [1, 2, 3, 5, ...range(8, 29)]];
    const waiting = queue(0, 30);
    expect(await offsets(waiting)).toEqual([4, 6, 7, 30]);
    expect(waiting.ownUpTo).toBe(3);
    mine = range(1, 30);
    const own = queue(0, 30);
    expect(await offsets(own)).toEqual([]);
    expect(own.ownUpTo).toBe(30);
    mine = range(2, 30);
    expect(queue(0, 30).ownUpTo).toBe(0);
  });

  test('are what the user says on another device meanwhile, and not again what others said', async () => {
    [stored, mine] = [range(1, 9), [2, 4, 7, 9]];
    expect(await offsets(queue(3, 9, 0, { sent: 8, ownFrom: 7 }))).toEqual([7, 9]);
  });
});
