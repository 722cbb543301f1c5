import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '#libs/config/config.ts';
import { connectionsFor, openFiles, openFilesLimit } from '#libs/process/open-files.ts';

const MODULE = fileURLToPath(new URL('../../../libs/process/open-files.ts', import.meta.url));

describe('the limit of open files', () => {
  it.each([
    [200, 136],
    [1024, 960],
    [3200, 3136],
    [3250, 3185],
    [100_000, 98_000],
  ])('%i files leave %i connections', (limit, most) => {
    expect(connectionsFor(0, limit)).toBe(most);
    expect(connectionsFor(most, limit)).toBe(most);
    expect(connectionsFor(7, limit)).toBe(7);
    expect(() => connectionsFor(most + 1, limit)).toThrow(`CONNECTIONS_MAX takes at most ${most} here, not ${most + 1}`);
  });

  it('has to leave connections at all', () => {
    expect(connectionsFor(0, 65)).toBe(1);
    expect(() => connectionsFor(0, 64)).toThrow(ConfigError);
  });

  it('may be missing', () => {
    expect(connectionsFor(0, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(connectionsFor(5, Number.POSITIVE_INFINITY)).toBe(5);
  });

  it('is the one that holds, after Node has raised it to the hard one', () => {
    const script = `process.stdout.write(String((await import(${JSON.stringify(MODULE)})).openFilesLimit()))`;
    const limited = 'ulimit -Sn 200 && ulimit -Hn 300 && exec "$0" "$@"';
    const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, '--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(stdout).toBe('300');
    expect(openFilesLimit()).toBeGreaterThan(64);
    expect(openFiles()).toBeGreaterThan(2);
  });
});
