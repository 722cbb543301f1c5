import { describe, expect, it } from 'vitest';
import { COMPARISONS } from '#bench/compare/catalogue.ts';
import { churn } from '#bench/load/churn.ts';
import type { DialectName, Place } from '#bench/load/dialect.ts';
import { dialectOf } from '#bench/load/dialects.ts';
import { MessageFrame, readStamps } from '#bench/load/message-frame.ts';
import { chosen } from '#bench/scenarios/pace.ts';

const PLACE: Place = { room: 'park', user: 'ann', token: 't' };

/** The position after these payloads of a server. */
function positionAfter(name: DialectName, payloads: readonly string[]): string | undefined {
  const { recovery } = dialectOf(name);
  return payloads.reduce<string | undefined>((before, payload) => recovery?.position(payload, before), undefined);
}

describe('the dialects of the load', () => {
  it('go on where they were cut off', () => {
    const parley = positionAfter('parley', [
      '{"type":"welcome","session":"s"}',
      '{"type":"joined","room":"park","count":1,"epoch":"k3f9","offset":40,"recovered":false,"messages":[]}',
      '{"offset":41,"type":"message","room":"park","message":{"text":"@1"}}',
      '{"type":"room_online","room":"park","count":2}',
    ]);
    expect(parley).toBe('epoch=k3f9&offset=41');
    expect(dialectOf('parley').path({ ...PLACE, since: parley ?? '' })).toBe('/chat/park?token=t&epoch=k3f9&offset=41');

    const socketIo = positionAfter('socket-io', ['0{"sid":"a"}', '40{"sid":"b","pid":"p1"}', '42["message","@1","1700-0"]', '2']);
    expect(socketIo).toBe('"pid":"p1","offset":"1700-0"');
    expect(dialectOf('socket-io').greeting?.frames({ ...PLACE, since: socketIo ?? '' })).toEqual(['40{"pid":"p1","offset":"1700-0"}']);

    const nchan = positionAfter('nchan', ['id: 1700:0\n\n@1', 'id: 1700:1\n\n@2', 'queued messages: 2']);
    expect(dialectOf('nchan').path({ ...PLACE, since: nchan ?? '' })).toBe('/chat/park?last_event_id=1700:1');
  });

  it('begin anew where nothing is kept', () => {
    for (const name of ['bare', 'nats', 'pusher'] as const) expect(dialectOf(name).recovery).toBeUndefined();
  });

  it('publish the text as a server of the kind takes it', () => {
    expect(dialectOf('nats').message('hello', 'i', PLACE)).toBe('PUB park 5\r\nhello\r\n');
    expect(JSON.parse(dialectOf('pusher').message('hello', 'i', PLACE))).toEqual({
      event: 'client-message',
      channel: 'park',
      data: 'hello',
    });
    expect(JSON.parse(dialectOf('socket-io').message('hello', 'i', PLACE).slice(2))).toEqual(['message', 'park', 'hello']);
  });
});

describe('the stamps of a payload', () => {
  it('are all found, and none beyond its end', () => {
    const frames = [1, 2, 3].map((stamp) => new MessageFrame((text) => text).stamped(stamp, 0));
    const all = Buffer.concat(frames);
    expect(readStamps(all, 0, all.length)).toEqual([1, 2, 3]);
    expect(readStamps(all, 0, (frames[0]?.length ?? 0) + 10)).toEqual([1]);
  });
});

describe('joining and leaving', () => {
  it('counts from when a join was due, also if all connections are busy', async () => {
    const asked: string[] = [];
    const slow = {
      ask: async ({ payload }: { readonly payload: string }) => {
        asked.push(payload);
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    };
    // Ten joins in 0.1 s, and each occupies the only connection for 40 ms.
    const got = await churn([slow], dialectOf('bare'), { rooms: ['a', 'b'], rate: 100, seconds: 0.1 });
    expect([got.done, got.unfinished]).toEqual([10, 0]);
    expect(asked.slice(0, 4)).toEqual(['+a', '-a', '+b', '-b']);
    expect(got.p99).toBeGreaterThan(200);
  });

  it('is refused by a dialect without it', async () => {
    await expect(churn([], dialectOf('nchan'), { rooms: [], rate: 1, seconds: 1 })).rejects.toThrow('enters no further room');
  });
});

describe('the names of scenarios', () => {
  it('choose those that begin so, each once, in their order', () => {
    const all = ['a1', 'a2', 'b1'].map((name) => ({ name }));
    expect(chosen(all, ['b', 'a2', 'a']).map(({ name }) => name)).toEqual(['b1', 'a2', 'a1']);
    expect(chosen(all, [])).toEqual(all);
  });
});

describe('the catalogue of the comparison', () => {
  it('has each name once, a baseline, and a reason for whoever is absent', () => {
    const names = COMPARISONS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { baseline, absent } of COMPARISONS) {
      expect(baseline).not.toBe('');
      for (const { reason } of absent) expect(reason).not.toBe('');
    }
  });
});
