import { beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { Background } from '#libs/telemetry/background.ts';
import { createLogger, limitLog } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { turn } from '#test/support/turn.ts';

let failed: string[];
let lines: object[];
let background: Background;
beforeEach(() => {
  [failed, lines] = [[], []];
  background = new Background({
    log: { error: (line: object | string) => void lines.push(Object(line)) },
    failed: (task) => void failed.push(task),
  });
});

const bug = (): never => {
  throw new TypeError('a bug');
};

describe('a background task', () => {
  it.each([
    ['throws', bug],
    ['rejects', async () => bug()],
    ['rejects later', () => turn().then(bug)],
  ])('that %s is logged, counted and mended', async (_, work) => {
    let mended = 0;
    background.run('sweeps', work, () => {
      mended += 1;
    });
    await turn();
    await turn();
    expect([failed, mended]).toEqual([['sweeps'], 1]);
    expect(lines).toMatchObject([{ task: 'sweeps', name: 'TypeError', reason: 'a bug' }]);
  });

  it('that finds its backend away is mended, and no bug', async () => {
    let mended = 0;
    background.run(
      'cursors',
      () => Promise.reject(new HubError('UNAVAILABLE')),
      () => {
        mended += 1;
      },
    );
    await turn();
    expect([failed, lines, mended]).toEqual([[], [], 1]);
  });

  it('whose mending fails, too, ends nothing', async () => {
    background.run('joins', bug, bug);
    background.run('joins', async () => bug(), bug);
    await turn();
    expect(failed).toEqual(['joins', 'joins', 'joins', 'joins']);
  });

  it('that fails in a loop is counted always, and hides neither another bug of the task nor another task', () => {
    const written: { msg: string; reason: string }[] = [];
    const destination = { write: (line: string) => void written.push(JSON.parse(line)) };
    const looping = new Background({
      log: limitLog(createLogger({ node: 'n', level: 'info', destination })),
      failed: (task) => void failed.push(task),
    });
    const other = (): never => {
      throw new TypeError('another bug');
    };
    for (let i = 0; i < 250; i++) looping.run('sweeps', bug);
    looping.run('sweeps', other);
    looping.run('counts', bug);
    expect(failed).toHaveLength(252);
    expect(written.map(({ msg, reason }) => [msg.replace(/ at .*/, ''), reason])).toEqual([
      ['a background task failed: sweeps: TypeError', 'a bug'],
      ['a background task failed: sweeps: TypeError', 'another bug'],
      ['a background task failed: counts: TypeError', 'a bug'],
    ]);
  });

  it('is a label of the metric', async () => {
    const metrics = new Metrics({ version: '0' });
    metrics.backgroundFault('private-rooms');
    const text = await metrics.text();
    expect(text).toContain('parley_background_faults_total{task="private-rooms"} 1');
    expect(text).toContain('parley_background_faults_total{task="other"} 0');
    metrics.close();
  });
});
