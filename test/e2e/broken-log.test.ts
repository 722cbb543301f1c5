import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until, within } from '#test/support/wait.ts';

const MAIN = fileURLToPath(new URL('../../services/gateway/main.ts', import.meta.url));

it('[D1] drains and exits 0 though nobody reads its log any more', async () => {
  const [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH, HOME, PORT: '0', ADMIN_PORT: '0', JWT_SECRET, REDIS_URL: redis.url, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        log += String(chunk);
      });
    }
    await until(() => log.includes('"listening"') || child.exitCode !== null, { timeoutMs: 20_000, describe: () => `started: ${log}` });
    expect(log).toContain('"listening"');
    child.stdout.destroy();
    child.stderr.destroy();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await within(20_000, 'ended after SIGTERM', ended)).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    await redis.stop();
    await database.drop();
  }
});
