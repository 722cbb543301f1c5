import { describe, expect, it } from 'vitest';

import { compareLedgers, Ledger } from '#test/support/ledger.ts';
import type { ServerFrame } from '#test/support/server-frame.ts';

const room = 'r';

function items(from: number, to: number, prefix = 'm'): NonNullable<ServerFrame['messages']> {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ offset: from + i, message: { id: `${prefix}${from + i}`, at: 1 } }));
}

function joined(from: number, to: number, more: Partial<ServerFrame> = {}): ServerFrame {
  return { type: 'joined', room, epoch: 'a', offset: to, recovered: false, more: false, messages: items(from, to), ...more };
}

function live(offset: number, id = `m${offset}`): ServerFrame {
  return { type: 'message', room, offset, message: { id, at: 1 } };
}

function ack(offset: number, id = `m${offset}`): ServerFrame {
  return { type: 'ack', room, message: { id, offset, at: 1 } };
}

function ledger(name: string, ...frames: readonly ServerFrame[]): Ledger {
  const made = new Ledger(name);
  for (const frame of frames) made.frame(frame);
  return made;
}

function kinds(...ledgers: readonly Ledger[]): string[] {
  return compareLedgers(ledgers, room).violations.map(({ kind }) => kind);
}

describe('the ledger that chaos tests judge by', () => {
  it('finds nothing wrong in what the contract promises', () => {
    const one = ledger('one', joined(1, 3), live(4), ack(4), live(5));
    const two = ledger('two', joined(5, 5));
    expect(kinds(one, two)).toEqual([]);
    expect(compareLedgers([one, two], room)).toMatchObject({ acked: 1, messages: 5, told: 0 });
  });

  it('sees a hole that nobody told of', () => {
    expect(kinds(ledger('one', joined(1, 3), live(5)))).toEqual(['gap']);
  });

  it('sees a hole in a recovery, and a recovery that ends too early', () => {
    const one = ledger('one', joined(1, 3));
    one.disconnected();
    one.frame(joined(5, 6, { recovered: true }), { epoch: 'a', offset: 3 });
    expect(kinds(one)).toEqual(['gap']);
    const two = ledger('two', joined(1, 3));
    two.frame(joined(4, 5, { recovered: true, offset: 6 }), { epoch: 'a', offset: 3 });
    expect(kinds(two)).toEqual(['page']);
  });

  it('takes further pages of a recovery as one', () => {
    const one = ledger('one', joined(1, 3));
    one.disconnected();
    one.frame(joined(4, 5, { recovered: true, more: true, offset: 7 }), { epoch: 'a', offset: 3 });
    one.frame(joined(6, 7, { recovered: true }));
    one.frame(live(8));
    expect(kinds(one)).toEqual([]);
    expect(one.position(room)).toEqual({ epoch: 'a', offset: 8 });
  });

  it('sees a live message between two pages', () => {
    const one = ledger('one', joined(1, 3));
    one.frame(joined(4, 5, { recovered: true, more: true, offset: 7 }), { epoch: 'a', offset: 3 });
    one.frame(live(6));
    expect(kinds(one)).toContain('order');
  });

  it('sees a repetition, by offset and by id', () => {
    expect(kinds(ledger('one', joined(1, 3), live(3)))).toEqual(['duplicate']);
    expect(kinds(ledger('one', joined(1, 3), live(4, 'm2')))).toEqual(['duplicate']);
  });

  it('sees two orders', () => {
    expect(kinds(ledger('one', joined(1, 1), live(2, 'x'), live(3, 'y')), ledger('two', joined(1, 1), live(2, 'y'), live(3, 'x')))).toEqual(
      ['order', 'order'],
    );
  });

  it('sees a client that is left behind', () => {
    expect(kinds(ledger('one', joined(1, 1), live(2)), ledger('two', joined(1, 1)))).toContain('tail');
  });

  it('sees an acked message that nobody has, unless its sender was told of a loss', () => {
    expect(kinds(ledger('one', joined(1, 1), ack(2)))).toEqual(['lost']);
    const resync: ServerFrame = { type: 'resync', room, epoch: 'b', offset: 0, recovered: false, messages: [] };
    const told = ledger('one', joined(1, 1), ack(2), resync);
    expect(kinds(told)).toEqual([]);
    expect(compareLedgers([told], room).told).toBe(1);
  });

  it('sees an ack that names another offset than the message got', () => {
    expect(kinds(ledger('one', joined(1, 1), live(2), ack(3, 'm2')))).toEqual(['lost']);
  });

  it('counts a repetition over a loss of Redis apart', () => {
    const resync: ServerFrame = { type: 'resync', room, epoch: 'b', offset: 0, recovered: false, messages: [] };
    const one = ledger('one', joined(1, 1), live(2), resync, live(1, 'm2'));
    expect(compareLedgers([one], room)).toMatchObject({ violations: [], repeatedOverEpochs: 1 });
  });
});
