import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '#bench/load/frame-reader.ts';

function frame(length: number, opcode = 1): Buffer {
  const header =
    length < 126
      ? Buffer.of(0x80 | opcode, length)
      : length < 65_536
        ? Buffer.of(0x80 | opcode, 126, length >> 8, length & 0xff)
        : Buffer.of(0x80 | opcode, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff);
  return Buffer.concat([header, Buffer.alloc(length, 0x81)]);
}

describe('the frame reader of the load', () => {
  it('counts the deliveries of any stream, cut anywhere', () => {
    const lengths = fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 127, 128, 65_535, 65_536, 70_000));
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1 }), (sizes, cuts) => {
        const stream = Buffer.concat(sizes.map((size) => frame(size)));
        const reader = new FrameReader(128);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const chunk = stream.subarray(at, at + (cuts[i % cuts.length] ?? 1));
          reader.feed(chunk, chunk.length);
          at += chunk.length;
        }
        expect(reader.deliveries).toBe(sizes.filter((size) => size >= 128).length);
        expect(reader.closed).toBe(false);
      }),
    );
  });

  it('shows whole payloads, and says where one is cut', () => {
    const seen: [start: number, length: number][] = [];
    const reader = new FrameReader(1, (_chunk, start, length) => seen.push([start, length]));
    const stream = Buffer.concat([frame(3), frame(200)]);
    reader.feed(stream, 50);
    reader.feed(stream.subarray(50), stream.length - 50);
    expect(seen).toEqual([
      [2, 3],
      [-1, 200],
    ]);
  });

  it('shows every payload whole where that is asked for, cut anywhere', () => {
    const sizes = [3, 200, 0, 140, 126];
    const stream = Buffer.concat(sizes.map((size) => frame(size)));
    for (let cut = 1; cut < 200; cut++) {
      const seen: number[] = [];
      const reader = new FrameReader(
        0,
        (chunk, start, length) => {
          expect(chunk.subarray(start, start + length)).toEqual(Buffer.alloc(length, 0x81));
          seen.push(length);
        },
        true,
      );
      for (let at = 0; at < stream.length; at += cut) reader.feed(stream.subarray(at, at + cut), Math.min(cut, stream.length - at));
      expect(seen).toEqual(sizes);
    }
  });

  it('notices pings and a close', () => {
    const reader = new FrameReader(1_000);
    const stream = Buffer.concat([frame(0, 9), frame(2, 8)]);
    reader.feed(stream, 2);
    expect([reader.pinged, reader.closed]).toEqual([true, false]);
    reader.feed(stream.subarray(2), stream.length - 2);
    expect(reader.closed).toBe(true);
  });

  it('sees the heartbeat of Engine.IO, cut anywhere, and no other frame of its length', () => {
    const frame = (text: string) => Buffer.concat([Buffer.of(0x81, text.length), Buffer.from(text)]);
    const stream = Buffer.concat([frame('6'), frame('42["m"]'), frame('2')]);
    for (let cut = 1; cut < stream.length; cut++) {
      const reader = new FrameReader(128, undefined, false, '2');
      const parts = [stream.subarray(0, cut), stream.subarray(cut)];
      const seen = parts.map((part) => {
        reader.feed(part, part.length);
        return reader.asked;
      });
      expect(seen, `cut at ${cut}`).toEqual([false, true]);
    }
    expect(new FrameReader(128).asked).toBe(false);
  });
});
