import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BrokerListener } from '#libs/broker/broker.ts';
import { Phase, RoomSequence } from '#libs/broker/room-sequence.ts';

const frame = (offset: number): Buffer => Buffer.from(`{"offset":${offset},"text":"m${offset}"}`);

function make(keep = true) {
  const told: (number | string)[] = [];
  const asked: string[] = [];
  const listener: BrokerListener = {
    publication: (_, offset, bytes) => {
      expect(Buffer.from(bytes).toString()).toBe(frame(offset).toString());
      told.push(offset);
    },
    signal: (_, payload) => told.push(Buffer.from(payload).toString()),
    reset: () => undefined,
    healed: () => undefined,
    connectivity: () => undefined,
  };
  const sequence = new RoomSequence('park', keep, { listener, gap: () => asked.push('gap'), rewound: () => asked.push('rewound') });
  const accept = (payload: Buffer): void => {
    const reused = Buffer.from(payload);
    sequence.accept(reused);
    reused.fill(0x21);
  };
  const live = (offset: number): void => {
    sequence.moveTo({ epoch: 'e', offset });
    expect(sequence.release()).toBe(true);
  };
  return { sequence, told, asked, accept, live };
}

describe('the sequence of a room', () => {
  test('[M4] while joining everything is held, then given from the position on', () => {
    const { sequence, told, accept } = make();
    accept(frame(4));
    accept(Buffer.from('~+1 {}'));
    for (const offset of [5, 6, 7]) accept(frame(offset));
    expect(told).toEqual([]);
    sequence.moveTo({ epoch: 'e', offset: 5 });
    expect(told).toEqual([]);
    expect(sequence.release()).toBe(true);
    expect(told).toEqual(['~+1 {}', 6, 7]);
    accept(frame(8));
    expect(told).toEqual(['~+1 {}', 6, 7, 8]);
  });

  test('[M4] a jump is a gap: what comes is held until the missing was given', () => {
    const { sequence, told, asked, accept, live } = make();
    live(3);
    accept(frame(6));
    accept(frame(7));
    expect(told).toEqual([]);
    expect(asked).toEqual(['gap']);
    expect(sequence.release()).toBe(false);
    expect(
      sequence.fill([
        { offset: 4, frame: frame(4) },
        { offset: 5, frame: frame(5) },
        { offset: 6, frame: frame(6) },
      ]),
    ).toBe(true);
    expect(sequence.release()).toBe(true);
    expect(told).toEqual([4, 5, 6, 7]);
    accept(frame(8));
    expect(told.at(-1)).toBe(8);
    expect(asked).toEqual(['gap']);
  });

  test('[M4] repeats that come behind a fill are dropped and report no rewind', () => {
    const { sequence, told, asked, accept, live } = make();
    live(0);
    sequence.interrupt();
    sequence.fill([1, 2, 3].map((offset) => ({ offset, frame: frame(offset) })));
    expect(sequence.release()).toBe(true);
    for (const offset of [1, 2, 3, 4]) accept(frame(offset));
    expect(told).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([]);
  });

  test('[M3] a channel that goes back is reported as rewound, live and while filling', () => {
    const one = make();
    one.live(5);
    one.accept(frame(6));
    one.accept(frame(1));
    expect(one.told).toEqual([6]);
    expect(one.asked).toEqual(['rewound']);
    const two = make();
    two.accept(frame(6));
    two.accept(frame(1));
    two.live(6);
    expect(two.asked).toEqual(['rewound']);
  });

  test('[M4] an interruption starts another round: nothing held before it counts', () => {
    const { sequence, told, accept, live } = make();
    live(1);
    const { round } = sequence;
    accept(frame(3));
    sequence.interrupt();
    expect(sequence.round).not.toBe(round);
    expect(sequence.phase).toBe(Phase.filling);
    expect(sequence.release()).toBe(true);
    expect(told).toEqual([]);
    accept(frame(2));
    expect(told).toEqual([2]);
  });

  test('[M4] more than is worth holding is let go, and read again from the stream', () => {
    const { sequence, told, accept, live } = make();
    live(0);
    const large = (offset: number): Buffer => Buffer.from(`{"offset":${offset},"text":"${'x'.repeat(15_000)}"}`);
    for (let offset = 2; offset <= 200; offset++) accept(large(offset));
    sequence.fill([{ offset: 1, frame: frame(1) }]);
    expect(sequence.release()).toBe(false);
    expect(told[0]).toBe(1);
    expect(sequence.phase).toBe(Phase.filling);
  });

  test('[M4] publications read that do not follow are not given', () => {
    const { sequence, told, live } = make();
    live(3);
    sequence.interrupt();
    expect(sequence.fill([{ offset: 5, frame: frame(5) }])).toBe(false);
    expect(told).toEqual([]);
  });

  test('[R3] a room that keeps nothing takes all as signals', () => {
    const { told, accept, live } = make(false);
    accept(Buffer.from('{"type":"early"}'));
    expect(told).toEqual([]);
    live(0);
    accept(frame(7));
    expect(told).toEqual(['{"type":"early"}', frame(7).toString()]);
  });

  test('after its end it gives nothing', () => {
    const { sequence, told, asked, accept, live } = make();
    live(0);
    sequence.end();
    accept(frame(1));
    accept(frame(9));
    accept(Buffer.from('~x'));
    sequence.interrupt();
    expect(told).toEqual([]);
    expect(asked).toEqual([]);
    expect(sequence.phase).toBe(Phase.ended);
  });

  test('[M4] whatever is lost, repeated or interrupted on the way, the listener sees each offset once, in order', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constant('deliver' as const) },
      { weight: 2, arbitrary: fc.constant('lose' as const) },
      { weight: 1, arbitrary: fc.constant('break' as const) },
      { weight: 2, arbitrary: fc.constant('fill' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { sequence, told, accept, live } = make();
        live(0);
        let top = 0;
        const fill = (): void => {
          while (sequence.phase === Phase.filling) {
            const missing = Array.from({ length: top - sequence.last }, (_, i) => sequence.last + 1 + i);
            sequence.fill(missing.slice(0, 3).map((offset) => ({ offset, frame: frame(offset) })));
            if (missing.length <= 3 && !sequence.release()) throw new Error('stuck');
          }
        };
        for (const action of steps) {
          if (action === 'break') sequence.interrupt();
          else if (action === 'fill') fill();
          else {
            top++;
            if (action === 'deliver') accept(frame(top));
          }
        }
        top++;
        accept(frame(top));
        fill();
        expect(told).toEqual(Array.from({ length: top }, (_, i) => i + 1));
      }),
    );
  });
});
