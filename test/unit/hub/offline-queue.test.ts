import { beforeEach, describe, expect, test } from 'vitest';
import type { Page, PageLimit } from '#libs/broker/broker.ts';
import { OfflineQueue } from '#libs/hub/offline-queue.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { messageTail } from '#libs/protocol/server-frame.ts';
import type { StoredMessage } from '#libs/store/store.ts';

const ROOM = 'group:x';
const SENDER = '{"id":"ä","name":"Ä"}';
const AT = 1_700_000_000_000;
const PAGE = 4;

let stored: number[];
let stream: number[];
let away: boolean;
/** Offsets above which the stream was read. */
let asked: number[];

beforeEach(() => {
  [stored, stream, away, asked] = [[], [], false, []];
});

const text = (offset: number): string => `Nr. ${offset} – ✓`;
const id = (offset: number): string => `id-${offset}`;

function message(offset: number): StoredMessage {
  return { room: ROOM, offset, epoch: 'e', id: id(offset), sender: SENDER, text: text(offset), data: undefined, at: AT + offset };
}

/** As the brokers do: of what is kept the first stretch without a hole, at most `count`. */
function after(_room: string, offset: number, limit: PageLimit): Promise<Page> {
  asked.push(offset);
  if (away) return Promise.reject(new HubError('UNAVAILABLE'));
  const newer = stream.filter((kept) => kept > offset);
  const run = newer.filter((kept, i) => kept === (newer[0] ?? 0) + i).slice(0, limit.count);
  const publications = run.map((kept) => ({
    offset: kept,
    frame: Buffer.from(`{"offset":${kept},${messageTail(ROOM, id(kept), SENDER, text(kept), undefined, AT + kept)}`),
  }));
  const position = { epoch: 'e', offset: stream.at(-1) ?? 0 };
  return Promise.resolve({ position, publications, more: run.length < newer.length, complete: run[0] === offset + 1 });
}

function queue(from: number, top: number, historyFrom = 0): OfflineQueue {
  const messages = {
    after: (_room: string, offset: number, limit: number) =>
      Promise.resolve(
        stored
          .filter((kept) => kept > offset)
          .slice(0, limit)
          .map(message),
      ),
  };
  return new OfflineQueue({ messages, broker: { after } }, { room: ROOM, from, top, historyFrom, page: PAGE });
}

async function offsets(of: OfflineQueue): Promise<number[]> {
  const all: number[] = [];
  for (await of.fill(); of.head !== undefined; await of.fill()) {
    const { offset, at, member } = of.head;
    all.push(offset);
    expect(at).toBe(AT + offset);
    expect(JSON.parse(`{${member}`)).toEqual({
      message: { id: id(offset), from: { id: 'ä', name: 'Ä' }, text: text(offset), at: AT + offset },
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
});
