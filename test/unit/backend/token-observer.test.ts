import { expect, test } from 'vitest';
import { tokenObserver } from '#libs/backend/token-observer.ts';
import { createLogger, limitLog } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';

test('tokens that are over, however many, hide no token with another fault from the log', () => {
  const lines: { msg: string; reason: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const metrics = new Metrics({ version: 'test' });
  const observer = tokenObserver({ jwtJwksUrl: undefined }, metrics, limitLog(createLogger({ node: 'n', level: 'info', destination })));
  for (let n = 0; n < 100; n++) observer.refused('exp');
  observer.refused('aud');
  for (let n = 0; n < 100; n++) observer.refused('exp');
  expect(lines.map(({ msg, reason }) => [msg, reason])).toEqual([
    ['a token was refused: exp', 'exp'],
    ['a token was refused: aud', 'aud'],
  ]);
  metrics.close();
});
