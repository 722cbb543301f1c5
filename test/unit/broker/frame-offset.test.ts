import { expect, test } from 'vitest';
import { offsetOf } from '#libs/broker/room-sequence.ts';

const of = (text: string): number => offsetOf(Buffer.from(text));

test('the offset is read off the head of a publication, and a signal has none', () => {
  expect(of('{"offset":1,"room":"a"}')).toBe(1);
  expect(of('{"offset":9007199254740991,')).toBe(Number.MAX_SAFE_INTEGER);
  for (const signal of ['', '{', '~+1 {"id":"a"}', '{"type":"message","offset":5}', '{"type":', '{"online":3}', 'offset":1,'])
    expect(of(signal)).toBe(0);
});
