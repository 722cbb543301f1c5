import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { createLogger, type Logger, type LogLevel, limitLog } from '#libs/telemetry/logger.ts';

/** A logger, and the lines it wrote. */
function capture(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ node: 'n1', level, destination: { write: (line: string) => lines.push(JSON.parse(line)) } });
  return { log, lines };
}

describe('the log', () => {
  it('is one JSON object a line, with level, time, node and message', () => {
    const { log, lines } = capture();
    log.info({ port: 8080 }, 'listening');
    log.child({ room: 'park' }).warn('slow');
    expect(lines).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), node: 'n1', port: 8080, msg: 'listening' },
      { level: 'warn', time: expect.any(String), node: 'n1', room: 'park', msg: 'slow' },
    ]);
  });

  it('leaves out what is less important than its level', () => {
    const { log, lines } = capture('warn');
    log.info('no');
    log.warn('yes');
    expect(lines.map((line) => line.msg)).toEqual(['yes']);
    const silent = capture('silent');
    silent.log.fatal('no');
    expect(silent.lines).toEqual([]);
  });

  it.each(['token', 'authorization', 'password', 'secret', 'refresh', 'cookie', 'text', 'mail', 'email', 'account', 'url'])(
    'blanks %s, at the top and one level down',
    (field) => {
      const { log, lines } = capture();
      log.info({ [field]: 'hidden-1', request: { [field]: 'hidden-2' } }, 'x');
      expect(JSON.stringify(lines)).not.toContain('hidden');
      expect(lines[0]).toMatchObject({ [field]: '[redacted]', request: { [field]: '[redacted]' } });
    },
  );

  it('shows an error with its code and causes, and nothing that hangs on it', () => {
    const { log, lines } = capture();
    const refused = Object.assign(new Error('refused'), { command: { name: 'evalsha', args: ['hidden text'] } });
    const away = Object.assign(new Error('away', { cause: refused }), { code: 'UNAVAILABLE' });
    log.error({ err: away }, 'publish failed');
    expect(lines[0]?.err).toMatchObject({ name: 'Error', code: 'UNAVAILABLE', message: 'away', stack: expect.stringContaining('away') });
    expect(lines[0]?.err).toMatchObject({ cause: { message: 'refused' } });
    expect(JSON.stringify(lines)).not.toContain('hidden');
  });

  it('takes anything that was thrown, and a circle of causes', () => {
    const { log, lines } = capture();
    const circle = new Error('circle');
    circle.cause = circle;
    for (const err of ['text', undefined, null, 7, {}, circle]) log.error({ err }, 'x');
    expect(lines).toHaveLength(6);
  });
});

let lines: Record<string, unknown>[];
let log: Logger;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  log = limitLog(createLogger({ node: 'n', level: 'info', destination }), () => Date.now());
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a line that comes again and again', () => {
  test('is written at once, then ever more rarely, down to once a minute, with how many were held back', () => {
    const at: number[] = [];
    const started = Date.now();
    for (let ms = 0; ms < 600_000; ms += 100) {
      log.warn({ turn: ms }, 'a loop fails');
      vi.advanceTimersByTime(100);
      while (at.length < lines.length) at.push(Date.now() - started);
    }
    expect(at.length).toBeLessThan(20);
    for (let i = 1; i < at.length; i++) expect((at[i] ?? 0) - (at[i - 1] ?? 0)).toBeGreaterThanOrEqual(900);
    expect((at.at(-1) ?? 0) - (at.at(-2) ?? 0)).toBeGreaterThanOrEqual(59_000);
    const told = lines.reduce((sum, line) => sum + 1 + (typeof line.repeated === 'number' ? line.repeated - 1 : 0), 0);
    expect(told).toBeGreaterThan(5000);
  });

  test('is written in the end, with its last fields, where others follow no more', () => {
    for (let turn = 1; turn <= 3; turn++) log.warn({ turn }, 'a loop fails');
    expect(lines.map(({ turn, repeated }) => [turn, repeated])).toEqual([[1, undefined]]);
    vi.advanceTimersByTime(1000);
    expect(lines.map(({ turn, repeated }) => [turn, repeated])).toEqual([
      [1, undefined],
      [3, 2],
    ]);
  });

  test('is an ordinary line again after a pause', () => {
    for (let day = 0; day < 3; day++) {
      log.warn({ day }, 'now and then');
      vi.advanceTimersByTime(70_000);
    }
    expect(lines.map(({ day, repeated }) => [day, repeated])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, undefined],
    ]);
  });

  test('is held back in child loggers, too, and does not hold back others', () => {
    log.warn('one');
    log.child({ part: 'x' }).warn('one');
    log.error('one');
    log.warn({ a: 1 }, 'two');
    expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual(['warn one', 'error one', 'warn two']);
  });
});

test('a steady error holds back no other kind of error under the same text', () => {
  const away = () => log.warn({ err: Object.assign(new Error('away'), { code: 'ECONNREFUSED' }) }, 'redis connection');
  for (let n = 0; n < 10; n++) away();
  log.warn({ err: new TypeError('x is undefined') }, 'redis connection');
  log.warn({ err: Object.assign(new Error('wrong password'), { code: 'WRONGPASS' }) }, 'redis connection');
  away();
  expect(lines.map(({ err }) => (err as { message: string }).message)).toEqual(['away', 'x is undefined', 'wrong password']);
});

test('lines about a request are all written', () => {
  for (let request = 0; request < 50; request++) log.info({ request }, 'admin command');
  expect(lines).toHaveLength(50);
});
