import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '#libs/store/migrate.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { Child } from '#test/support/child.ts';
import { queryAt } from '#test/support/postgres.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { until } from '#test/support/wait.ts';

const HOLDER = fileURLToPath(new URL('../support/embedded-holder.ts', import.meta.url));
const LONG = { timeoutMs: 50_000 };

/** A folder that was used and left in order: making the data takes longest, once is enough. */
const used = makeFolder('parley-embedded-');
let base: string;
let folder: string;
const holders: Child[] = [];

beforeAll(async () => {
  folder = join(used, 'postgres');
  const holder = hold();
  expect(await answerOf(holder)).toMatch(/^postgres:/);
  holder.signal('SIGTERM');
  await holder.exited;
});

afterAll(() => removeFolder(used));

beforeEach(() => {
  base = makeFolder('parley-embedded-');
  folder = join(base, 'postgres');
});

/** With the modes and owners they have, which Node's own copying forgets. */
function copyUsedFolder(): void {
  execFileSync('cp', ['-a', join(used, 'postgres'), base]);
}

afterEach(async () => {
  for (const holder of holders.splice(0)) {
    holder.signal('SIGTERM');
    await holder.exited;
  }
  const left = serverPid();
  if (left !== 0) {
    process.kill(left, 'SIGKILL');
    await until(() => !isAlive(left), LONG);
  }
  removeFolder(base);
});

function hold(): Child {
  const holder = new Child(process.execPath, [HOLDER, folder]);
  holders.push(holder);
  return holder;
}

/** The URL, or why there is none. */
async function answerOf(holder: Child): Promise<string> {
  const line = await until(() => /^(?:ready|refused|failed) .*$/m.exec(holder.output)?.[0], { ...LONG, describe: () => holder.output });
  return line.replace(/^ready /, '');
}

/** 0 where the folder tells of none that lives. */
function serverPid(): number {
  const file = join(folder, 'data', 'postmaster.pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
  return pid > 0 && pid !== process.pid && isAlive(pid) ? pid : 0;
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the embedded database', () => {
  test('keeps its data over restarts, says what it does at the first one, ends with its program', async () => {
    const first = hold();
    const url = await answerOf(first);
    expect(first.output).toContain('making a database');
    await migrate(url);
    await queryAt(url, "INSERT INTO seen VALUES ('u', 'Ada', 'user', 7)");
    const pid = serverPid();
    expect(pid).toBeGreaterThan(0);
    first.signal('SIGTERM');
    expect(await first.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    const second = hold();
    expect(await queryAt(await answerOf(second), 'SELECT last_seen FROM seen')).toEqual([{ last_seen: '7' }]);
    expect(second.output).not.toContain('making a database');
  });

  test('is behind a password that is in no log, on 127.0.0.1 only', async () => {
    copyUsedFolder();
    const holder = hold();
    const url = new URL(await answerOf(holder));
    expect(url.password.length).toBeGreaterThanOrEqual(40);
    const secret = join(folder, 'password');
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data')).mode & 0o077).toBe(0);
    expect(holder.output.replace(/^ready .*$/m, '')).not.toContain(url.password);
    expect(readFileSync(join(folder, 'server.log'), 'utf8')).not.toContain(url.password);
    expect(await queryAt(url.href, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await queryAt(url.href, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    expect(await queryAt(url.href, 'SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    url.password = 'wrong';
    await expect(queryAt(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('a second copy on the same folder is told so, and disturbs nothing', async () => {
    copyUsedFolder();
    const url = await answerOf(hold());
    const second = hold();
    expect(await answerOf(second)).toMatch(/^refused FolderInUseError: .*DATABASE_URL/);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(await queryAt(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('of three that start at once on an empty folder one gets it', async () => {
    const answers = await Promise.all([hold(), hold(), hold()].map(answerOf));
    expect(answers.filter((answer) => answer.startsWith('postgres://'))).toHaveLength(1);
    expect(answers.filter((answer) => answer.startsWith('refused FolderInUseError'))).toHaveLength(2);
  });

  test('a server whose program was killed is taken over, and ends with the new one', async () => {
    copyUsedFolder();
    const first = hold();
    const url = await answerOf(first);
    await queryAt(url, 'CREATE TABLE kept AS SELECT 42 AS n');
    const pid = serverPid();
    first.signal('SIGKILL');
    await first.exited;
    expect(serverPid()).toBe(pid);
    const second = hold();
    expect(await queryAt(await answerOf(second), 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
    second.signal('SIGTERM');
    await second.exited;
    expect(isAlive(pid)).toBe(false);
  });

  test('a server whose program leaves in haste ends by itself', async () => {
    copyUsedFolder();
    const holder = hold();
    await answerOf(holder);
    const pid = serverPid();
    holder.signal('SIGUSR2');
    expect(await holder.exited).toEqual({ code: 3, signal: null });
    await until(() => !isAlive(pid), LONG);
  });

  test('killed together with its program it starts again', async () => {
    copyUsedFolder();
    const first = hold();
    const url = await answerOf(first);
    await queryAt(url, 'CREATE TABLE kept AS SELECT 42 AS n');
    const pid = serverPid();
    first.signal('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await first.exited;
    expect(await queryAt(await answerOf(hold()), 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  test('a server that ends by itself is started again, at the same address', async () => {
    copyUsedFolder();
    const holder = hold();
    const url = await answerOf(holder);
    await migrate(url);
    const store = await openStore({ url });
    await store.ping();
    process.kill(serverPid(), 'SIGKILL');
    await until(() => holder.output.includes('is restarted'), LONG);
    await until(() => store.ping().then(() => true), LONG);
    await until(() => holder.output.includes('is back'), LONG);
    await store.close();
  });

  test('a process id that was left behind and belongs to another program now does not hinder it', async () => {
    copyUsedFolder();
    const file = join(folder, 'data', 'postmaster.pid');
    const left = [process.pid, join(folder, 'data'), 1, 5432, '', '127.0.0.1', '', 'ready   '].join('\n');
    writeFileSync(file, `${left}\n`);
    expect(await answerOf(hold())).toMatch(/^postgres:/);
  });
});
