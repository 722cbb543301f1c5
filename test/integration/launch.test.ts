import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { until } from '#test/support/wait.ts';

const LAUNCH = join(import.meta.dirname, '..', '..', 'deploy', 'launch.mjs');
const PACKAGE = { version: '1.0.0', integrity: 'sha512-a' };

/** A folder like the repository, with an npm of its own that installs by copying the lockfile's record. */
let root: string;
let children: ChildProcess[] = [];

const path = (...parts: string[]) => join(root, ...parts);
const writeLock = (packages: object) => writeFileSync(path('package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }));
const npmRuns = () => (existsSync(path('npm.log')) ? readFileSync(path('npm.log'), 'utf8').trim().split('\n') : []);

function program(name: string, script: string): void {
  writeFileSync(path('bin', name), `#!/bin/sh\n${script}\n`);
  chmodSync(path('bin', name), 0o755);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parley-launch-'));
  for (const folder of ['bin', 'deploy']) mkdirSync(path(folder));
  cpSync(LAUNCH, path('deploy', 'launch.mjs'));
  writeFileSync(path('entry.mjs'), 'console.log(JSON.stringify({ args: process.argv.slice(2), argv0: process.argv[1] }));');
  writeLock({ 'node_modules/a': PACKAGE, 'node_modules/other-platform': { ...PACKAGE, optional: true } });
  symlinkSync(process.execPath, path('bin', 'node'));
  for (const name of ['sh', 'mkdir', 'ln', 'cat', 'sleep']) symlinkSync(`/bin/${name}`, path('bin', name));
  program(
    'npm',
    `echo "$*" >> ${root}/npm.log
     while [ -e ${root}/hold ]; do sleep 0.1; done
     mkdir -p ${root}/node_modules/node/bin && ln -sf ${process.execPath} ${root}/node_modules/node/bin/node
     cat ${root}/installs.json > ${root}/node_modules/.package-lock.json`,
  );
  writeFileSync(path('installs.json'), JSON.stringify({ packages: { 'node_modules/a': PACKAGE } }));
});

afterEach(() => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  children = [];
  rmSync(root, { recursive: true });
});

function launch(...args: string[]) {
  const child = spawn(process.execPath, [path('deploy', 'launch.mjs'), ...args], { env: { PATH: path('bin') } });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return { child, ended, said: () => err };
}

describe('the launcher', () => {
  it('installs what is missing, says why, and starts the program with its arguments', async () => {
    const { code, out, err } = await launch('entry.mjs', 'one', 'two').ended;
    expect({ code, ran: JSON.parse(out) }).toEqual({ code: 0, ran: { args: ['one', 'two'], argv0: path('entry.mjs') } });
    expect(err).toMatch(/^parley: node_modules is not there yet: running npm ci\.\nparley: npm ci done in \d+ s\.\n$/);
    expect(npmRuns()).toEqual(['ci --include=dev --no-audit --no-fund']);
  });

  it('does nothing twice', async () => {
    await launch('entry.mjs').ended;
    expect(await launch('entry.mjs').ended).toMatchObject({ code: 0, err: '' });
    expect(npmRuns()).toHaveLength(1);
  });

  it.each([
    ['another version', { 'node_modules/a': { ...PACKAGE, version: '1.0.1' } }],
    ['other contents', { 'node_modules/a': { ...PACKAGE, integrity: 'sha512-b' } }],
    ['one package more', { 'node_modules/a': PACKAGE, 'node_modules/b': PACKAGE }],
  ])('installs again when the lockfile has %s', async (_what, packages) => {
    await launch('entry.mjs').ended;
    writeLock(packages);
    writeFileSync(path('installs.json'), JSON.stringify({ packages }));
    expect((await launch('entry.mjs').ended).err).toMatch(/^parley: node_modules\/[ab] .*: running npm ci\.\n/);
    expect(npmRuns()).toHaveLength(2);
  });

  it('takes an installation that was cut short for none', async () => {
    mkdirSync(path('node_modules', 'a'), { recursive: true });
    expect((await launch('entry.mjs').ended).err).toMatch(/^parley: node_modules is incomplete: running npm ci\./);
  });

  it('installs once for two that start together', async () => {
    // npm is not done before both others have found it at work.
    writeFileSync(path('hold'), '');
    const launched = [launch('entry.mjs'), launch('entry.mjs'), launch('entry.mjs')];
    const waiting = () => launched.filter(({ said }) => said().includes('waiting for another launch'));
    await until(() => waiting().length === 2, { timeoutMs: 20_000, describe: () => launched.map(({ said }) => said()).join('') });
    rmSync(path('hold'));
    const ends = await Promise.all(launched.map(({ ended }) => ended));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(npmRuns()).toHaveLength(1);
    expect(existsSync(path('.data', 'launch.lock'))).toBe(false);
  });

  it('takes over from one that died while it installed', async () => {
    mkdirSync(path('.data'));
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => dead.once('exit', resolve));
    writeFileSync(path('.data', 'launch.lock'), String(dead.pid));
    expect((await launch('entry.mjs').ended).code).toBe(0);
    expect(npmRuns()).toHaveLength(1);
  });

  it('ends with npm when that fails, and when it installed something else', async () => {
    writeFileSync(path('installs.json'), '{"packages":{}}');
    expect(await launch('entry.mjs').ended).toMatchObject({
      code: 1,
      err: expect.stringMatching(/npm ci went through, and yet node_modules\/a is missing/),
    });
    program('npm', 'exit 3');
    expect(await launch('entry.mjs').ended).toMatchObject({ code: 1, err: expect.stringMatching(/npm ci failed: see above\.\n$/) });
  });

  it('builds the web pages with the pinned Node, one launch at a time, and starts nothing where it builds only', async () => {
    mkdirSync(path('deploy', 'build'));
    writeFileSync(
      path('deploy', 'build', 'web.ts'),
      `import { existsSync, writeFileSync } from 'node:fs';
      if (process.argv[2] === '--check') process.exit(3);
      if (existsSync('${path('building')}')) throw new Error('two at once');
      writeFileSync('${path('building')}', '');
      console.error('built by ' + process.argv0);
      (await import('node:fs')).rmSync('${path('building')}');`,
    );
    writeFileSync(path('package.json'), '{"type":"module"}');
    const ends = await Promise.all([launch('--needs=web').ended, launch('--needs=web', 'entry.mjs').ended]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const { err } of ends) expect(err).toContain('built by');
    expect(ends.map(({ out }) => out.includes('argv0'))).toEqual([false, true]);
    writeFileSync(path('deploy', 'build', 'web.ts'), 'process.exit(3)');
    const failed = await launch('--needs=web', 'entry.mjs').ended;
    expect(failed).toMatchObject({ code: 1, out: '', err: 'parley: the web pages could not be built: see above.\n' });
  });

  it('locks nothing and builds nothing where the pages are up to date', async () => {
    mkdirSync(path('deploy', 'build'));
    writeFileSync(path('package.json'), '{"type":"module"}');
    writeFileSync(path('deploy', 'build', 'web.ts'), "if (process.argv[2] !== '--check') process.exit(4);");
    await launch('entry.mjs').ended;
    rmSync(path('.data'), { recursive: true });
    expect(await launch('--needs=web', 'entry.mjs').ended).toMatchObject({ code: 0, err: '' });
    expect(existsSync(path('.data'))).toBe(false);
  });

  it.each([
    [
      'packages',
      [],
      /^parley: node_modules is not there yet: npm ci is needed, and .*\.data cannot be written to \(ENOTDIR\): do that once where it can\.\n$/,
    ],
    [
      'pages',
      ['--needs=web'],
      /^parley: the web pages have to be built \(npm run build:web\), and .*\.data cannot be written to \(ENOTDIR\)/,
    ],
  ])('says in one line what has to be written where that cannot be: %s', async (what, needs, line) => {
    if (what === 'pages') {
      await launch('entry.mjs').ended;
      rmSync(path('.data'), { recursive: true });
      mkdirSync(path('deploy', 'build'));
      writeFileSync(path('deploy', 'build', 'web.ts'), 'process.exit(3)');
    }
    writeFileSync(path('.data'), '');
    expect(await launch(...needs, 'entry.mjs').ended).toMatchObject({ code: 1, out: '', err: expect.stringMatching(line) });
  });

  it('says in one line which program to install where it cannot', async () => {
    await launch('entry.mjs').ended;
    expect(await launch('--needs=redis-server,chromium', 'entry.mjs').ended).toEqual({
      code: 1,
      out: '',
      err: 'parley: redis-server and chromium not found: install them (Debian: apt-get install redis-server chromium) and start again.\n',
    });
    program('redis-server', 'echo "Redis server v=6.0.16 sha=0"');
    expect((await launch('--needs=redis-server', 'entry.mjs').ended).err).toBe(
      'parley: redis-server 6 is too old: install version 7 or newer.\n',
    );
    program('redis-server', 'echo "Redis server v=7.0.15 sha=0"');
    expect(await launch('--needs=redis-server', 'entry.mjs').ended).toMatchObject({ code: 0, err: '' });
    expect(await launch('--needs=chromium-headless-shell', 'entry.mjs').ended).toMatchObject({
      code: 0,
      err: 'parley: chromium-headless-shell not found: going on with chromium, which is slower.\n',
    });
    program('fc-list', '');
    expect(await launch('--needs=chinese-font', 'entry.mjs').ended).toMatchObject({
      code: 0,
      err: 'parley: chinese-font not found: going on with boxes in place of Chinese characters.\n',
    });
    program('fc-list', 'echo "wqy-microhei.ttc: $1"');
    expect(await launch('--needs=chinese-font', 'entry.mjs').ended).toMatchObject({ code: 0, err: '' });
  });

  it('hands signals on and gives the exit code of the program', async () => {
    writeFileSync(
      path('entry.mjs'),
      "process.on('SIGTERM', () => process.exit(7)); process.on('SIGHUP', () => console.log('hup')); console.log('up'); setInterval(() => {}, 1000);",
    );
    const { child, ended } = launch('entry.mjs');
    const line = (text: string) =>
      new Promise<void>((resolve) => child.stdout.on('data', (chunk) => String(chunk).includes(text) && resolve()));
    await line('up');
    child.kill('SIGHUP');
    await line('hup');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(7);
  });
});
