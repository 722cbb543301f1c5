import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiInstance } from '#test/support/api-instance.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';

const MAIN = fileURLToPath(new URL('../../services/agent/main.ts', import.meta.url));
const PASSWORD = 'correct horse battery';

let database: PostgresDatabase;
let redis: RedisServer;
let api: ApiInstance;

beforeAll(async () => {
  [database, redis] = await Promise.all([PostgresDatabase.create(), RedisServer.start()]);
  api = await ApiInstance.start({ databaseUrl: database.url, redisUrl: redis.url });
});
afterAll(async () => {
  await api.stop();
  await Promise.all([database.drop(), redis.stop()]);
});

/** Runs the command with something piped into it. */
function agent(
  args: readonly string[],
  input: string,
  url = database.url,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], DATABASE_URL: url } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

const login = async (username: string, password: string): Promise<number> =>
  (await api.post('/public/login', { username, password })).status;

describe('npm run agent', { timeout: 180_000 }, () => {
  it('[A6] makes an agent with the password that is piped in', async () => {
    const made = await agent(['add', 'Support'], `${PASSWORD}\nmore\n`);
    expect(made).toEqual({ code: 0, output: 'The agent Support was added.\n' });
    expect(await login('support', PASSWORD)).toBe(200);
    expect(await login('Support', `${PASSWORD}!`)).toBe(401);
    const [row] = await database.query('SELECT password_hash FROM agents');
    expect(row?.['password_hash']).toMatch(/^\$argon2id\$/);
    const again = await agent(['add', 'SUPPORT'], PASSWORD);
    expect([again.code, again.output]).toEqual([1, 'parley: there is an agent called SUPPORT already.\n']);
  });

  it('[A6] makes a password where none is given, and shows it once', async () => {
    const { code, output } = await agent(['add', 'Night Desk'], '');
    const password = /shown this once: (\S+)\n$/.exec(output)?.[1] ?? '';
    expect([code, password.length]).toEqual([0, 20]);
    expect(await login('night desk', password)).toBe(200);
  });

  it('[A6] refuses what cannot be an agent, and says what it takes', async () => {
    const refusals = [
      [['add', 'Short'], 'short', 'a password has 12 to 256 characters'],
      [['add', ' blank'], PASSWORD, 'this name is not allowed: it '],
      [['add', 'x\u0007'], PASSWORD, 'this name is not allowed: it '],
      [['add'], PASSWORD, 'usage: npm run agent -- add NAME'],
      [['remove', 'Support'], PASSWORD, 'usage:'],
      [['add', 'a', 'b'], PASSWORD, 'usage:'],
    ] as const;
    await Promise.all(
      refusals.map(async ([args, input, told]) => {
        const { code, output } = await agent(args, input);
        expect([code, output]).toEqual([1, expect.stringContaining(`parley: ${told}`)]);
      }),
    );
    const away = await agent(['add', 'Away'], PASSWORD, 'postgres://nobody:secret@127.0.0.1:9/none');
    expect(away.code).toBe(1);
    expect(away.output).not.toContain('secret');
  });
});
