import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keptSecret } from '#libs/config/own-folder.ts';
import { Child } from '#test/support/child.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { PrivateClone } from '#test/support/private-clone.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until, within } from '#test/support/wait.ts';

const LONG = { timeoutMs: 90_000 };

let clone: PrivateClone;
let redis: RedisServer;
let database: PostgresDatabase;
beforeAll(async () => {
  clone = new PrivateClone();
  [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
});
afterEach(() => rmSync(join(clone.root, '.data'), { recursive: true, force: true }));
afterAll(async () => {
  clone?.remove();
  await redis?.stop();
  await database?.drop();
});

function run(script: string, settings: NodeJS.ProcessEnv): Child {
  const { PATH, HOME } = process.env;
  const [program = '', ...args] = clone.readOnly('npm', 'run', script);
  return new Child(program, args, { env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', ...settings } });
}

async function comesUp(child: Child): Promise<void> {
  await until(() => child.ended || child.output.includes('"listening"'), { ...LONG, describe: () => child.output });
  expect(child.output).toContain('"listening"');
  child.signal('SIGTERM');
  expect(await within(LONG.timeoutMs, `ended\n${child.output}`, child.exited)).toEqual({ code: 0, signal: null });
}

describe('on a read-only file system', () => {
  it('the folder is read-only indeed', async () => {
    const [program = '', ...args] = clone.readOnly('touch', 'written');
    const child = new Child(program, args);
    expect((await child.exited).code).not.toBe(0);
    expect(child.output).toContain('Read-only file system');
  });

  it.each(['api', 'gateway', 'start'])('npm run %s works, with pages built and its backends elsewhere', async (script) => {
    await comesUp(run(script, { REDIS_URL: redis.url, DATABASE_URL: database.url, JWT_SECRET }));
    expect(existsSync(join(clone.root, '.data'))).toBe(false);
  });

  it('npm start goes on with the secret that was kept before', async () => {
    keptSecret(join(clone.root, '.data'));
    await comesUp(run('start', { DATABASE_URL: database.url }));
    expect(readdirSync(join(clone.root, '.data'))).toEqual(['jwt-secret']);
  });

  it.each([
    ['JWT_SECRET and DATABASE_URL', {}, /^parley: JWT_SECRET is not set, .*EROFS.*set it.*\nparley: DATABASE_URL is not set, .*set it\.$/m],
    [
      'DATABASE_URL',
      { JWT_SECRET },
      /^parley: DATABASE_URL is not set, .*\.data\/postgres cannot hold a database \(EROFS\): set DATABASE_URL, or make the folder writable\.$/m,
    ],
  ])('npm start says in one line each that it needs %s', async (_what, settings, lines) => {
    const child = run('start', settings);
    expect((await within(LONG.timeoutMs, `ended\n${child.output}`, child.exited)).code).toBe(1);
    expect(child.output).toMatch(lines);
    expect(child.output).not.toMatch(/^\s+at /m);
  });
});
