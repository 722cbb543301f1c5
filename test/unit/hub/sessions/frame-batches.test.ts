import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type BatchReceiver, FrameBatches } from '#libs/hub/sessions/frame-batches.ts';
import { turn } from '#test/support/turn.ts';

const NOBODY: BatchReceiver = { publishAlone: () => undefined, publishToOthers: () => undefined };

let published: { readonly topic: string; readonly text: string; readonly receivers: number }[];
let over: (() => void) | undefined;
let batches: FrameBatches;

beforeEach(() => {
  published = [];
  over = undefined;
  const publish = (topic: string, frame: string | Uint8Array, receivers: number): void =>
    void published.push({ topic, text: Buffer.from(frame as Uint8Array).toString(), receivers });
  batches = new FrameBatches(
    { publish },
    {
      wait: () =>
        new Promise((resolve) => {
          over = resolve;
        }),
    },
  );
});

test('[F9] publishes at once if nobody takes arrays', () => {
  batches.publish('r:a', '{"n":1}', 3);
  expect(published).toEqual([{ topic: 'r:a', text: '{"n":1}', receivers: 3 }]);
  expect(over).toBeUndefined();
});

test('[F9] holds frames for those who take arrays, and sends them as one when the time is over', async () => {
  expect(batches.subscribe('r:a')).toBe('b:r:a');
  batches.publish('r:a', '{"n":1}', 3);
  const bytes = Buffer.from('{"n":"ä"}');
  batches.publish('r:a', bytes, 3);
  // The bytes belong to the caller again.
  bytes.fill(0);
  batches.publish('r:b', '{"n":3}', 1);
  expect(published.map(({ topic, receivers }) => [topic, receivers])).toEqual([
    ['r:a', 2],
    ['r:a', 2],
    ['r:b', 1],
  ]);
  over?.();
  await turn();
  expect(published.at(-1)).toEqual({ topic: 'b:r:a', text: '[{"n":1},{"n":"ä"}]', receivers: 1 });
  batches.publish('r:a', '{"n":4}', 1);
  expect(published).toHaveLength(4);
  expect(batches.unsubscribe('r:a')).toBe('b:r:a');
  expect(published.at(-1)?.text).toBe('[{"n":4}]');
});

test('[F9] whatever is published, arrays keep the order and their limits', () => {
  batches.subscribe('r:a');
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(400), fc.nat(20_000)), { maxLength: 200 }), (sizes) => {
      published = [];
      for (const [n, size] of sizes.entries()) {
        const frame = JSON.stringify({ n, text: 'ü'.repeat(size / 2) });
        batches.publish('r:a', n % 2 === 0 ? frame : Buffer.from(frame), 1);
      }
      batches.flushTo(NOBODY, ['r:a']);
      const arrays = published.map(({ text }) => JSON.parse(text) as { n: number }[]);
      expect(arrays.flat().map(({ n }) => n)).toEqual(sizes.map((_, n) => n));
      for (const [at, { text }] of published.entries()) {
        const { length } = arrays[at] ?? [];
        expect(length).toBeLessThanOrEqual(64);
        if (length !== 1) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16_384);
      }
    }),
    { numRuns: 200 },
  );
});

test('[M7] [F9] an event comes after the messages that are held, and before later ones', () => {
  batches.subscribe('r:a');
  batches.subscribe('e:a');
  batches.publish('r:a', '{"n":1}', 1);
  batches.publish('e:a', '{"n":2}', 1);
  batches.publish('r:a', '{"n":3}', 1);
  batches.flushTo(NOBODY, ['e:a', 'r:a']);
  expect(published.map(({ text }) => text)).toEqual(['[{"n":1}]', '[{"n":2}]', '[{"n":3}]']);
});
