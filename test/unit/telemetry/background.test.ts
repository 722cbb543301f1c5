import { beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { Background } from '#libs/telemetry/background.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';

let now: number;
let failed: string[];
let lines: object[];
let background: Background;
beforeEach(() => {
  [now, failed, lines] = [0, [], []];
  background = new Background({
    log: { error: (line: object | string) => void lines.push(Object(line)) },
    failed: (task) => void failed.push(task),
    now: () => now,
  });
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bug = (): never => {
  throw new TypeError('a bug');
};

describe('a background task', () => {
  it.each([
    ['throws', bug],
    ['rejects', async () => bug()],
    ['rejects later', () => settle().then(bug)],
  ])('that %s is logged, counted and mended', async (_, work) => {
    let mended = 0;
    background.run('sweeps', work, () => {
      mended += 1;
    });
    await settle();
    await settle();
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
    await settle();
    expect([failed, lines, mended]).toEqual([[], [], 1]);
  });

  it('whose mending fails, too, ends nothing', async () => {
    background.run('joins', bug, bug);
    background.run('joins', async () => bug(), bug);
    await settle();
    expect(failed).toEqual(['joins', 'joins', 'joins', 'joins']);
  });

  it('that fails in a loop is logged once a second, counted always, and holds no other one back', () => {
    for (now = 0; now < 2500; now += 10) background.run('sweeps', bug);
    background.run('counts', bug);
    expect(failed).toHaveLength(251);
    expect(lines.map((line) => 'task' in line && line.task)).toEqual(['sweeps', 'sweeps', 'sweeps', 'counts']);
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
