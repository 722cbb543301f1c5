import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PushParser, type PushReply } from '#libs/redis/push-parser.ts';

type Event = readonly [channel: string, payload: string] | { readonly reply: PushReply };

function parse(chunks: readonly Buffer[]): Event[] {
  const events: Event[] = [];
  const parser = new PushParser({
    message: (channel, payload) => events.push([channel, payload.toString('hex')]),
    reply: (reply) => events.push({ reply }),
  });
  for (const chunk of chunks) {
    // The socket reuses its buffer: what the parser keeps must be its own.
    const reused = Buffer.from(chunk);
    parser.write(reused);
    reused.fill(0x21);
  }
  return events;
}

const bulk = (bytes: Buffer | string): Buffer => {
  const value = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
};
const push = (...parts: (Buffer | string)[]): Buffer => Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts.map(bulk)]);
const ack = (kind: string, channel: string, count: number): Buffer =>
  Buffer.concat([Buffer.from('*3\r\n'), bulk(kind), bulk(channel), Buffer.from(`:${count}\r\n`)]);

describe('reading RESP of a subscriber', () => {
  const stream = Buffer.concat([
    ack('subscribe', 'a', 1),
    push('message', 'parley:{r:park}:c', '{"offset":1,"text":"héllo"}'),
    push('smessage', 'b', Buffer.from([0, 13, 10, 255])),
    Buffer.from('-MOVED 3999 127.0.0.1:6381\r\n'),
    push('message', 'c', ''),
    ack('unsubscribe', 'a', 0),
    Buffer.from('+OK\r\n:42\r\n$-1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n'),
    push('sunsubscribe', 'gone', 'x'),
    push('message', 'd', 'x'.repeat(70_000)),
  ]);
  const whole = parse([stream]);

  test('messages and everything else, in order', () => {
    expect(whole.slice(0, 9)).toEqual([
      { reply: ['subscribe', 'a', 1] },
      ['parley:{r:park}:c', Buffer.from('{"offset":1,"text":"héllo"}').toString('hex')],
      ['b', '000d0aff'],
      { reply: new Error('MOVED 3999 127.0.0.1:6381') },
      ['c', ''],
      { reply: ['unsubscribe', 'a', 0] },
      { reply: 'OK' },
      { reply: 42 },
      { reply: null },
    ]);
    expect(whole).toHaveLength(12);
  });

  test('however the bytes are cut into reads', () => {
    const short = stream.subarray(0, stream.length - 69_900);
    for (let size = 1; size < 40; size++) {
      const chunks = Array.from({ length: Math.ceil(short.length / size) }, (_, i) => short.subarray(i * size, (i + 1) * size));
      expect(parse([...chunks, stream.subarray(short.length)])).toEqual(whole);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        expect(parse(at.slice(1).map((end, i) => stream.subarray(at[i], end)))).toEqual(whole);
      }),
    );
  });

  test('any payload of any channel', () => {
    const message = fc.tuple(fc.string({ unit: 'binary-ascii', maxLength: 40 }), fc.uint8Array({ maxLength: 200 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), fc.integer({ min: 1, max: 64 }), (messages, size) => {
        const bytes = Buffer.concat(
          messages.map(([channel, payload, sharded]) => push(sharded ? 'smessage' : 'message', channel, Buffer.from(payload))),
        );
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
        expect(parse(chunks)).toEqual(messages.map(([channel, payload]) => [channel, Buffer.from(payload).toString('hex')]));
      }),
    );
  });

  test('bytes that are not RESP are an error, not a message', () => {
    expect(() => parse([Buffer.from('HTTP/1.1 400 Bad Request\r\n')])).toThrow('not RESP');
  });
});
