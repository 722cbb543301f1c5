import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#libs/store/migrate.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { Child } from '#test/support/child.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { Nginx } from '#test/support/nginx.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { PostgresServer } from '#test/support/postgres-server.ts';
import { redisCommand } from '#test/support/redis-command.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';

const MAIN = fileURLToPath(new URL('../../services/doctor/main.ts', import.meta.url));
const PROXY = readFileSync(new URL('../../deploy/nginx/parley.conf', import.meta.url), 'utf8');
const DURABLE = { fsync: 'on', full_page_writes: 'on' };

let redis: RedisServer;
let postgres: PostgresServer;
let smtp: SmtpServer;
let gateway: GatewayProcess;
let api: ApiProcess;
let nginx: Nginx;

const servers = (port: number): string =>
  PROXY.replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replaceAll(/ gateway-\d:8080/g, ` 127.0.0.1:${gateway.port}`)
    .replace(' api:8080', ` 127.0.0.1:${api.port}`);

beforeAll(async () => {
  [redis, postgres, smtp] = await Promise.all([
    RedisServer.start({ args: ['--appendonly', 'yes'] }),
    PostgresServer.start({ settings: DURABLE }),
    SmtpServer.start(),
  ]);
  await migrate(postgres.url);
  const settings = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, TRUSTED_PROXY_HOPS: '1' };
  [gateway, api] = await Promise.all([GatewayProcess.start(settings), ApiProcess.start(settings)]);
  nginx = await Nginx.start(servers);
});
afterAll(async () => {
  await Promise.all([nginx?.stop(), api?.kill9(), gateway?.kill9()]);
  await Promise.all([redis?.stop(), postgres?.stop(), smtp?.stop()]);
});

/** What a hub has that is set up with care. */
const healthy = () => ({
  REDIS_URL: redis.url,
  DATABASE_URL: postgres.url,
  SMTP_URL: smtp.url,
  PUBLIC_URL: nginx.url,
  JWT_SECRET,
  ADMIN_HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
});

/** Runs the doctor. `around`: a program that starts it. */
async function examine(
  env: Readonly<Record<string, string>>,
  { args = ['--idle-seconds=0'], around = [] as readonly string[] } = {},
): Promise<{ readonly code: number | null; readonly lines: string[] }> {
  const { PATH, HOME } = process.env;
  const [program = '', ...rest] = [...around, process.execPath, MAIN, ...args];
  const child = new Child(program, rest, { env: { PATH, HOME, ...env } });
  const { code } = await child.exited;
  return { code, lines: child.output.split('\n').filter((line) => !/ExperimentalWarning|trace-warnings/.test(line)) };
}

/** The lines of a state, without it. */
const of = (state: string, lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith(state)).map((line) => line.slice(7));

describe('npm run doctor', () => {
  it('finds that all holds where all holds, also over a silent socket through nginx', async () => {
    const { code, lines } = await examine(healthy(), { args: ['--idle-seconds=1'] });
    expect([...of('BROKEN', lines), ...of('advice', lines), ...of('?', lines)]).toEqual([]);
    expect(of('ok', lines).map((line) => line.split(':')[0])).toEqual([
      'settings',
      'Redis',
      'Redis memory',
      'Redis subscribers',
      'Redis persistence',
      'PostgreSQL',
      'durability',
      'connections',
      'clocks',
      'open files',
      'ports',
      'ports',
      'mail',
      'public path',
      'public path',
    ]);
    expect(lines).toContain('The promises hold. 0 pieces of advice, 0 not seen, 15 well.');
    expect(code).toBe(0);
    expect(lines.join('\n')).not.toContain(JWT_SECRET);
  });

  it('finds what is wrong with PostgreSQL, Redis, mail, ports, files and the proxy, all at once', async () => {
    // The server of this run has neither fsync nor full_page_writes.
    const database = await PostgresDatabase.create({ empty: true });
    await database.query(`ALTER DATABASE ${database.name} SET synchronous_commit = off`);
    await database.query(`ALTER DATABASE ${database.name} CONNECTION LIMIT 30`);
    const args = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru', '--client-output-buffer-limit', 'pubsub 1mb 512kb 10'];
    const careless = await RedisServer.start({ args: [...args, '--save', ''] });
    const taken = await occupy();
    const port = String((taken.address() as { port: number }).port);
    try {
      const { code, lines } = await examine(
        {
          ...healthy(),
          REDIS_URL: careless.url,
          DATABASE_URL: database.url,
          SMTP_URL: 'smtp://127.0.0.1:1',
          PUBLIC_URL: `http://127.0.0.1:${await freePort()}`,
          PORT: port,
          HOST: '127.0.0.1',
          CONNECTIONS_MAX: '9000',
        },
        { around: ['sh', '-c', 'ulimit -n 1024 && exec "$0" "$@"'] },
      );
      expect(code).toBe(1);
      const broken = of('BROKEN', lines);
      for (const found of [
        /^Redis: REDIS_URL: its maxmemory-policy is allkeys-lru/,
        /^Redis memory: .*maxmemory-policy allkeys-lru and a limit of 104857600 bytes/,
        /^PostgreSQL: .*schema is older/,
        /^durability: .*fsync = off/,
        /^durability: .*full_page_writes = off/,
        /^durability: .*synchronous_commit = off/,
        /^open files: CONNECTIONS_MAX takes at most 960 here, not 9000/,
        new RegExp(`^ports: PORT ${port}: another program has it`),
        /^mail: SMTP_URL: .*connection refused/,
        /^public path: .*\/api\/v1\/online does not answer/,
        /^public path: A WebSocket .* is not made/,
      ])
        expect(broken).toContainEqual(expect.stringMatching(found));
      expect(broken).toHaveLength(11);
      const advised = of('advice', lines);
      for (const found of [
        /^Redis subscribers: .*owe 1048576 bytes/,
        /^Redis persistence: .*keeps nothing on disk/,
        /^connections: .* 30 connections/,
      ])
        expect(advised).toContainEqual(expect.stringMatching(found));
      expect(lines.filter((line) => line.startsWith('       To do: ')).length).toBe(broken.length + advised.length);
    } finally {
      taken.close();
      await careless.stop();
      await database.drop();
    }
  });

  it('[M1] [A13] what breaks a promise is also a warning at start, and a state on the admin page', async () => {
    const database = await PostgresDatabase.create();
    await database.query(`ALTER DATABASE ${database.name} SET synchronous_commit = off`);
    const evicting = await RedisServer.start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const password = 'the admin of this test';
    const careless = await ApiProcess.start({ REDIS_URL: evicting.url, DATABASE_URL: database.url, ADMIN_PASSWORD: password });
    try {
      const answer = await fetch(`http://127.0.0.1:${careless.adminPort}/admin/api/hub`, {
        headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` },
      });
      const { warnings } = (await answer.json()) as { warnings: readonly string[] };
      for (const fault of ['fsync = off', 'full_page_writes = off', 'synchronous_commit = off', 'maxmemory-policy that evicts']) {
        expect(warnings).toContainEqual(expect.stringContaining(fault));
        expect(careless.output).toMatch(new RegExp(`"level":"warn".*${fault}`));
      }
    } finally {
      await careless.kill9();
      await evicting.stop();
      await database.drop();
    }
  });

  it('names each setting that stops a start, and looks no further where nothing can be read', async () => {
    const { code, lines } = await examine({ ...healthy(), JWT_SECRET: 'short', SMTP_URL: '' });
    expect(of('BROKEN', lines)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^settings: JWT_SECRET takes/),
        expect.stringMatching(/^settings: SMTP_URL is not set/),
      ]),
    );
    expect(code).toBe(1);
    const unreadable = await examine({ ...healthy(), PORT: 'eighty' });
    expect(of('BROKEN', unreadable.lines)).toEqual([expect.stringMatching(/^settings: PORT takes a whole number/)]);
    expect((await examine(healthy(), { args: ['gatway'] })).code).toBe(64);
  });

  it('finds a right that Redis does not grant, and says what it could not see', async () => {
    const url = new URL(redis.url);
    await redisCommand(redis.port, [
      'ACL',
      'SETUSER',
      'hub',
      'on',
      '>secret-of-hub',
      '~parley:*',
      '&parley:*',
      '+@all',
      '-@dangerous',
      '+info',
    ]);
    url.username = 'hub';
    url.password = 'secret-of-hub';
    const careful = await examine({ ...healthy(), REDIS_URL: url.href });
    expect(of('BROKEN', careful.lines)).toEqual([]);
    expect(of('?', careful.lines)).toEqual([expect.stringMatching(/^Redis subscribers: .*may not run CONFIG GET/)]);
    await redisCommand(redis.port, ['ACL', 'SETUSER', 'hub', '-xadd']);
    const { code, lines } = await examine({ ...healthy(), REDIS_URL: url.href });
    expect(of('BROKEN', lines)).toEqual([expect.stringMatching(/^Redis: REDIS_URL: .*may not run XADD/)]);
    expect(code).toBe(1);
    expect(lines.join('\n')).not.toContain('secret-of-hub');
  });

  it('finds clocks that are apart', async () => {
    const { code, lines } = await examine(healthy(), { around: ['faketime', '-f', '+30s'] });
    expect(of('BROKEN', lines)).toEqual(expect.arrayContaining([expect.stringMatching(/^clocks: .* 30\.\d s ahead/)]));
    expect(code).toBe(1);
  });

  it.each([
    [
      'passes no Upgrade on',
      (text: string) => text.replace(/^.*proxy_set_header Upgrade.*$/m, ''),
      /WebSocket .* is not made: the answer is \d{3}/,
    ],
    [
      'ends what is silent for a second',
      (text: string) => text.replace('proxy_read_timeout 120s', 'proxy_read_timeout 1s'),
      /was ended after \d s/,
    ],
    [
      'sends the API elsewhere',
      (text: string) => text.replace('default parley_api', 'default parley_gateways'),
      /api\/v1\/online answers 4\d\d/,
    ],
  ])('finds a proxy that %s', async (_, change, found) => {
    const other = await Nginx.start((port) => change(servers(port)));
    try {
      const { code, lines } = await examine({ ...healthy(), PUBLIC_URL: other.url }, { args: ['--idle-seconds=5'] });
      expect(of('BROKEN', lines)).toEqual([expect.stringMatching(found)]);
      expect(code).toBe(1);
    } finally {
      await other.stop();
    }
  });
});

function occupy(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
