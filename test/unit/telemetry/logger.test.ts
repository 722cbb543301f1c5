import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '#libs/telemetry/logger.ts';

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
