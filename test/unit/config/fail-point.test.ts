import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { FAIL_POINTS, failPoint, failPointsSetting, parseFailPoints } from '#libs/config/fail-point.ts';

describe('fail-points', () => {
  it('do nothing unless they are set', () => {
    expect(failPointsSetting).toBe('');
    for (const name of FAIL_POINTS) failPoint(name);
  });

  it('are read with their pass and action', () => {
    expect([...parseFailPoints('after-publish=kill, after-connect@3=freeze')]).toEqual([
      ['after-publish', { action: 'kill', passes: 1 }],
      ['after-connect', { action: 'freeze', passes: 3 }],
    ]);
  });

  it.each([
    '',
    'after-publish',
    'after-publish=stop',
    'after-lunch=kill',
    'after-publish@0=kill',
    'after-publish=kill,',
    'constructor=kill',
  ])('refuse %j', (value) => {
    expect(() => parseFailPoints(value)).toThrow(RangeError);
  });

  it('kill the process on the pass that was asked for', () => {
    const script = `import { failPoint } from '#libs/config/fail-point.ts';
      for (let pass = 1; pass <= 3; pass++) { console.log(pass); failPoint('after-leave'); failPoint('after-enter'); }`;
    const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, FAIL_POINTS: 'after-enter@2=kill' },
      encoding: 'utf8',
    });
    expect(signal).toBe('SIGKILL');
    expect(stdout).toBe('1\n2\n');
  });
});
