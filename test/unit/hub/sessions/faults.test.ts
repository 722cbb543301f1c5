import { beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { createLogger, limitLog } from '#libs/telemetry/logger.ts';

const ADA = { user: { id: 'ada' }, session: 's1' } as unknown as Connection;

let met: number;
let lines: Record<string, unknown>[];
let texts: string[];
let faults: Faults;

beforeEach(() => {
  [met, lines, texts] = [0, [], []];
  faults = new Faults({
    log: {
      error: (fields: object | string, text?: string) => {
        lines.push(fields as Record<string, unknown>);
        texts.push(text ?? '');
      },
    },
    met: () => {
      met += 1;
    },
  });
});

describe('errors that are bugs', () => {
  test('are UNAVAILABLE to a client, and one line whoever waits for them', () => {
    const bug = new TypeError('x is not a function');
    const told = faults.report(bug, ADA);
    expect(told).toMatchObject({ code: 'UNAVAILABLE', cause: bug });
    faults.report(bug);
    expect(met).toBe(1);
    expect(lines).toMatchObject([{ user: 'ada', session: 's1', name: 'TypeError', reason: 'x is not a function' }]);
    expect(lines[0]?.stack).toMatch(/^ +at .*faults\.test\.ts/);
  });

  test('hide in NOT_STORED, too', () => {
    const bug = new ReferenceError('y is not defined');
    expect(faults.report(new HubError('NOT_STORED', undefined, { cause: bug }), ADA)).toMatchObject({ code: 'NOT_STORED' });
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
      faults.report(thrown);
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
      expect(faults.report(error, ADA)).toBe(error);
    }
    expect([met, lines]).toEqual([0, []]);
  });

  test('that come in a flood are all counted, and hide no other one from a log that holds back what comes again and again', () => {
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
    const flooded = new Faults({
      log: limitLog(createLogger({ node: 'n', level: 'info', destination })),
      met: () => {
        met += 1;
      },
    });
    const again = (): unknown => flooded.report(new TypeError('again'));
    const other = (): unknown => flooded.report(new TypeError('other'));
    for (let i = 0; i < 1000; i += 1) again();
    other();
    again();
    expect(met).toBe(1002);
    expect(lines.map(({ reason }) => reason)).toEqual(['again', 'other']);
    expect(lines[0]?.msg).toMatch(/^unexpected error: TypeError at again .*faults\.test\.ts:\d+:\d+\)$/);
  });

  test('are told apart by places of the code, never by a message that looks like places', () => {
    faults.report(new TypeError('no\n    at dear (/diary.ts:1:1)'));
    faults.report(new SyntaxError('no\n    at dear (/diary.ts:1:1)'));
    for (const text of ['{', '[']) {
      try {
        JSON.parse(text);
      } catch (error) {
        faults.report(error);
      }
    }
    expect(texts.join()).not.toMatch(/dear|diary/);
    // The parser's own place is not in the text, but that of its caller.
    expect(texts.slice(2)).toEqual(Array(2).fill(expect.stringMatching(/^unexpected error: SyntaxError at .*faults\.test\.ts/)));
    expect(JSON.stringify(lines.map(({ stack }) => stack))).not.toMatch(/dear|diary/);
  });
});
