import { describe, expect, it } from 'vitest';
import { NatsReader } from '#bench/load/nats-reader.ts';

/** A server's frame. */
function frame(payload: string): Buffer {
  return Buffer.concat([Buffer.of(0x82, payload.length), Buffer.from(payload)]);
}

describe('the reader of NATS', () => {
  // Two messages and a bit of the third in one frame; the third looks like a line of the protocol.
  const stream = Buffer.concat([
    frame('INFO {"server_id":"x"}\r\n'),
    frame('PONG\r\nMSG fan fan 5\r\nhello\r\nMSG fan fan 0\r\n\r\nMSG fa'),
    frame('n fan 12\r\nMSG a a 1'),
    frame('\r\n1\r\n'),
  ]);

  it('counts messages, however frames and chunks are cut', () => {
    for (let cut = 1; cut < stream.length; cut++) {
      const reader = new NatsReader({});
      for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) reader.feed(part, part.length);
      expect([reader.deliveries, reader.asked], `cut at ${cut}`).toEqual([3, false]);
    }
  });

  it('shows the messages that are whole in a frame', () => {
    const seen: string[] = [];
    const reader = new NatsReader({ sink: (chunk, start, length) => seen.push(chunk.toString('latin1', start, start + length)) });
    reader.feed(stream, stream.length);
    expect(seen).toEqual(['hello', '']);
  });

  it('notices when the server asks whether it lives', () => {
    const reader = new NatsReader({});
    const ping = frame('PING\r\n');
    reader.feed(ping, ping.length);
    expect(reader.asked).toBe(true);
  });
});
