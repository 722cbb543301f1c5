import { beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '#libs/hub/connection.ts';
import { Faults } from '#libs/hub/faults.ts';
import { HubError } from '#libs/protocol/errors.ts';

const ADA = { user: { id: 'ada' }, session: 's1' } as unknown as Connection;

let now: number;
let met: number;
let lines: Record<string, unknown>[];
let faults: Faults;

beforeEach(() => {
  [now, met, lines] = [0, 0, []];
  faults = new Faults({
    log: { error: (fields: object | string) => lines.push(fields as Record<string, unknown>) },
    met: () => {
      met += 1;
    },
    now: () => now,
  });
});

describe('errors that are bugs', () => {
  test('are UNAVAILABLE to a client, and one line whoever waits for them', () => {
    const bug = new TypeError('x is not a function');
    const told = faults.told(bug, ADA);
    expect(told).toMatchObject({ code: 'UNAVAILABLE', cause: bug });
    faults.told(bug);
    expect(met).toBe(1);
    expect(lines).toMatchObject([{ user: 'ada', session: 's1', name: 'TypeError', reason: 'x is not a function' }]);
    expect(lines[0]?.stack).toMatch(/^ +at .*faults\.test\.ts/);
  });

  test('hide in NOT_STORED, too', () => {
    const bug = new ReferenceError('y is not defined');
    expect(faults.told(new HubError('NOT_STORED', undefined, { cause: bug }), ADA)).toMatchObject({ code: 'NOT_STORED' });
    expect(lines).toMatchObject([{ name: 'ReferenceError' }]);
  });

  test('tell no message that may quote what came from outside, nor a text that was thrown', () => {
    for (const thrown of [
      new SyntaxError('"dear diary" is not JSON'),
      new Error('dear\n    diary'),
      'dear diary',
      { dear: 'diary' },
      undefined,
    ]) {
      faults.told(thrown);
    }
    expect(lines).toHaveLength(5);
    expect(JSON.stringify(lines)).not.toMatch(/dear|diary/);
  });

  test('foreseen ones are passed on as they are, unlogged', () => {
    for (const error of [
      new HubError('FORBIDDEN'),
      new HubError('UNAVAILABLE', undefined, { cause: new Error('ECONNRESET') }),
      new HubError('NOT_STORED', undefined, { cause: new HubError('UNAVAILABLE') }),
      new HubError('NOT_STORED'),
    ]) {
      expect(faults.told(error, ADA)).toBe(error);
    }
    expect([met, lines]).toEqual([0, []]);
  });

  test('that come in a flood are all counted, and ten a second logged', () => {
    for (let i = 0; i < 1000; i += 1) faults.told(new TypeError('again'));
    expect([met, lines.length]).toEqual([1000, 10]);
    now += 1000;
    faults.told(new TypeError('again'));
    expect(lines).toHaveLength(11);
  });
});
