import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Receipts, type Tally } from '#bench/drive/receipts.ts';
import { findStamp, STAMP_LENGTH, stampedText } from '#bench/drive/stamp.ts';

const tally = (): Tally => ({ expected: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 });

describe('the ledger of a receiver', () => {
  it('counts what it got, missed, got twice and got late, whatever came', () => {
    const count = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        fc.array(count, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.array(fc.nat()),
        (sent, picks, doubts) => {
          const all = sent.flatMap((most, writer) => Array.from({ length: most }, (_, index) => [writer, index + 1] as const));
          const pick = (numbers: readonly number[]) =>
            numbers.flatMap((number) => (all.length === 0 ? [] : [all[number % all.length] ?? ([0, 1] as const)]));
          const came = pick(picks);
          const uncertain = [...new Map(pick(doubts).map((one) => [one.join(), one])).values()];
          const receipts = new Receipts(sent.length);
          for (const [writer, number] of came) receipts.take(writer, number);
          const found = tally();
          receipts.settle({ sent, uncertain }, found);
          const got = new Set(came.map((one) => one.join()));
          const excused = uncertain.filter((one) => !got.has(one.join())).length;
          const late = came.filter(
            ([writer, number], at) =>
              came.findIndex((one) => one.join() === `${writer},${number}`) === at &&
              came.slice(0, at).some(([other, higher]) => other === writer && higher > number),
          );
          expect(found).toEqual({
            expected: all.length - excused,
            delivered: got.size,
            lost: all.length - got.size - excused,
            duplicated: came.length - got.size,
            reordered: late.length,
          });
        },
      ),
    );
  });
});

describe('the stamp of a text', () => {
  it('is found in any envelope, also beside text that looks alike', () => {
    const stamp = { micros: 1_700_000_000_123_456, writer: 42, number: 7 };
    const text = stampedText(stamp, 64);
    expect(Buffer.byteLength(text)).toBe(64);
    expect(stampedText(stamp, 1)).toHaveLength(STAMP_LENGTH);
    const frame = Buffer.from(`{"from":{"id":"a@@b"},"text":"${text}"}{"text":"@@12"}`);
    expect(findStamp(frame, 0, frame.length)).toEqual(stamp);
    expect(findStamp(frame, 0, 40)).toBeUndefined();
    expect(findStamp(Buffer.from('{"text":"hello"}'), 0, 16)).toBeUndefined();
  });
});
