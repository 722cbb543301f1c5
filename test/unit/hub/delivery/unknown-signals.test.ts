import { expect, test } from 'vitest';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { decodeUserSignal } from '#libs/protocol/signals.ts';

test('unknown signals are counted each, and logged once a minute with how many there were', () => {
  const lines: object[] = [];
  let [at, counted] = [5000, 0];
  const signals = new UnknownSignals({
    log: { warn: (fields: unknown) => void lines.push(Object(fields)) },
    ignored: () => {
      counted += 1;
    },
    steady: () => at,
  });
  const ignore = (wire: string): void => {
    const signal = decodeUserSignal(Buffer.from(wire));
    if (signal.kind !== 'unknown') throw new Error(`${wire} is known`);
    signals.ignore(signal, 'user');
  };
  for (const wire of ['~qa', '~qb', '~3ha']) ignore(wire);
  expect(lines).toEqual([{ topic: 'user', version: 1, letter: 'q', ignored: 1 }]);
  at += 59_999;
  ignore('~qc');
  expect(lines).toHaveLength(1);
  at += 1;
  ignore('~3hb');
  expect(lines[1]).toEqual({ topic: 'user', version: 3, letter: 'h', ignored: 4 });
  expect(counted).toBe(5);
});
