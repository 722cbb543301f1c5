import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { machineFolder, postgresCopy } from '#libs/store/machine-folder.ts';
import { Child } from '#test/support/child.ts';
import { queryAt } from '#test/support/postgres.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { until } from '#test/support/wait.ts';

const HOLDER = fileURLToPath(new URL('../support/embedded-holder.ts', import.meta.url));
const LONG = { timeoutMs: 50_000 };

let base: string;
const holders: Child[] = [];
/** Folders of the machine that were made meanwhile. */
const places = new Set<string>();

beforeEach(() => {
  base = makeFolder('parley-private-');
  chmodSync(base, 0o700);
});
afterEach(async () => {
  await Promise.all(holders.splice(0).map(stop));
  removeFolder(base);
});
afterAll(() => {
  for (const place of places) rmSync(place, { recursive: true, force: true });
});

const link = (project = 'project'): string => join(base, project, '.data', 'postgres');

function hold(project = 'project'): Child {
  const holder = new Child(process.execPath, [HOLDER, link(project)]);
  holders.push(holder);
  return holder;
}

async function stop(holder: Child): Promise<void> {
  holder.signal('SIGTERM');
  await holder.exited;
}

/** The URL, or why there is none. */
async function answerOf(holder: Child): Promise<string> {
  const line = await until(() => /^(?:ready|refused|failed) .*$/m.exec(holder.output)?.[0], { ...LONG, describe: () => holder.output });
  for (const project of readdirSync(base)) {
    const path = link(project);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) places.add(readlinkSync(path));
  }
  return line.replace(/^ready /, '');
}

const KEEP = 'CREATE TABLE kept AS SELECT 42 AS n';
const KEPT = 'SELECT n FROM kept';

/** Another user has no such troubles: its server runs as itself. */
if (process.getuid?.() === 0) {
  describe('the embedded database of a folder that only root enters', () => {
    test('lies elsewhere, stays found where the project is moved, and a copy of the project gets one of its own', async () => {
      const first = hold();
      await queryAt(await answerOf(first), KEEP);
      await stop(first);
      const place = readlinkSync(link());
      expect(statSync(place)).toMatchObject({ uid: 0, mode: 0o040711 });
      expect(statSync(join(place, 'data')).mode & 0o077).toBe(0);
      execFileSync('cp', ['-a', join(base, 'project'), join(base, 'copy')]);
      const copy = hold('copy');
      await expect(queryAt(await answerOf(copy), KEPT)).rejects.toMatchObject({ code: '42P01' });
      expect(copy.output).toContain('This folder gets a new one');
      expect(readlinkSync(link('copy'))).not.toBe(place);
      renameSync(join(base, 'project'), join(base, 'moved'));
      expect(await queryAt(await answerOf(hold('moved')), KEPT)).toEqual([{ n: 42 }]);
      expect(readlinkSync(link('moved'))).toBe(place);
    });

    test('of three that start at once one gets it', async () => {
      const answers = await Promise.all([hold(), hold(), hold()].map(answerOf));
      expect(answers.filter((answer) => answer.startsWith('postgres://'))).toHaveLength(1);
      expect(answers.filter((answer) => answer.startsWith('refused FolderInUseError'))).toHaveLength(2);
    });

    test('goes on with the data that lies in the folder already, also where its server was left running', async () => {
      chmodSync(base, 0o711);
      mkdirSync(join(base, 'project'));
      const open = hold();
      await queryAt(await answerOf(open), KEEP);
      expect(lstatSync(link()).isSymbolicLink()).toBe(false);
      open.signal('SIGKILL');
      await open.exited;
      chmodSync(base, 0o700);
      expect(await queryAt(await answerOf(hold()), KEPT)).toEqual([{ n: 42 }]);
      expect(lstatSync(link()).isSymbolicLink()).toBe(true);
      expect(readdirSync(join(base, 'project', '.data'))).toEqual(['postgres']);
    });

    test('goes on with the data of another account as that account', async () => {
      chmodSync(base, 0o711);
      mkdirSync(join(base, 'project'));
      const before = hold();
      await queryAt(await answerOf(before), KEEP);
      await stop(before);
      const nobody = 65_534;
      execFileSync('chown', ['-R', `${nobody}:${nobody}`, join(base, 'project')]);
      execFileSync('chown', [`${nobody}:${nobody}`, base]);
      chmodSync(base, 0o700);
      expect(await queryAt(await answerOf(hold()), KEPT)).toEqual([{ n: 42 }]);
      expect(lstatSync(link()).isSymbolicLink()).toBe(false);
    });

    test('is not begun anew where its folder is gone', async () => {
      mkdirSync(join(base, 'project', '.data'), { recursive: true });
      symlinkSync('/var/lib/parley/data-gone', link());
      expect(await answerOf(hold())).toMatch(/^failed ConfigError: .*data-gone, which is gone.*remove .*DATABASE_URL/);
      expect(readlinkSync(link())).toBe('/var/lib/parley/data-gone');
    });
  });

  describe('the folder of the machine', () => {
    test.each([
      ['is a link in a folder that everybody writes to', () => symlinkSync('/etc', join(base, 'shared', 'parley')), 'is not a folder'],
      [
        'belongs to somebody else',
        () => execFileSync('/usr/bin/install', ['-d', '-o', '65534', join(base, 'shared', 'parley')]),
        'another account',
      ],
      [
        'may be written by others',
        () => execFileSync('/usr/bin/install', ['-d', '-m', '0777', join(base, 'shared', 'parley')]),
        'by others',
      ],
      ['is a file', () => writeFileSync(join(base, 'shared', 'parley'), ''), 'is not a folder'],
    ])('is not used where it %s', (_what, plant, why) => {
      mkdirSync(join(base, 'shared'));
      chmodSync(join(base, 'shared'), 0o1777);
      plant();
      const places = [join(base, 'shared', 'parley'), join(base, 'mine')];
      expect(() => machineFolder(places.slice(0, 1))).toThrow(why);
      expect(machineFolder(places)).toBe(join(base, 'mine'));
      expect(statSync(join(base, 'mine')).mode & 0o7777).toBe(0o711);
    });
  });

  describe("a copy of PostgreSQL's programs", () => {
    const works = async (home: string): Promise<boolean> => {
      const path = join(home, 'bin', 'postgres');
      return readFileSync(path, 'utf8') !== '' && (statSync(path).mode & 0o555) === 0o555 && statSync(path).uid === 0;
    };
    const told: string[] = [];
    const copy = (version: string) => postgresCopy({ from: join(base, 'from'), version, works, report: (line) => told.push(line), base });

    beforeEach(() => {
      told.length = 0;
      mkdirSync(join(base, 'from', 'bin'), { recursive: true, mode: 0o700 });
      writeFileSync(join(base, 'from', 'bin', 'postgres'), 'program', { mode: 0o700 });
    });

    test('is made once, also by several at once, is readable under a strict umask, and is made again where it is broken', async () => {
      const [home = '', other] = await Promise.all([copy('1'), copy('1')]);
      expect(other).toBe(home);
      expect(await works(home)).toBe(true);
      expect(statSync(home).mode & 0o777).toBe(0o755);
      expect(told[0]).toMatch(/cannot enter .*copied to .* \(1 MB\)\.$/);
      told.length = 0;
      await copy('1');
      expect(told).toEqual([]);
      writeFileSync(join(home, 'bin', 'postgres'), '');
      await copy('1');
      expect(await works(home)).toBe(true);
    });

    test('goes when a newer one is there and nobody uses it', async () => {
      const old = join(base, `postgresql-0-${process.platform}-${process.arch}`);
      for (const folder of [old, join(base, 'new-999999999-a')]) {
        mkdirSync(join(folder, 'bin'), { recursive: true });
        writeFileSync(join(folder, 'bin', 'postgres'), 'old');
      }
      const user = new Child('tail', ['-f', join(old, 'bin', 'postgres')]);
      await until(() => user.output.includes('old'));
      await copy('1');
      expect(existsSync(old)).toBe(true);
      expect(readdirSync(base).filter((name) => name.startsWith('new-'))).toEqual([]);
      user.signal('SIGKILL');
      await user.exited;
      await copy('1');
      expect(existsSync(old)).toBe(false);
    });
  });
}
