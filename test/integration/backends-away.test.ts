/** Programs whose Redis and PostgreSQL are not there yet, or refuse: what a starting cluster sees. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '#libs/store/migrate.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import type { Child } from '#test/support/child.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { PostgresServer } from '#test/support/postgres-server.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const LONG = { timeoutMs: 150_000 };

interface Program {
  readonly name: string;
  readonly child: Child;
  readonly port: number | undefined;
  readonly adminPort: number;
}

type Env = Readonly<Record<string, string>>;

const LAUNCHES: Readonly<Record<string, (env: Env) => Child>> = {
  gateways: (env) => GatewayProcess.launch({ ...env, GATEWAY_PROCESSES: '2' }).child,
  api: (env) => ApiProcess.launch(env),
  worker: (env) => WorkerProcess.launch({ ...env, SMTP_URL: 'smtp://127.0.0.1:1' }).child,
  'all-in-one': (env) => AllInOne.launch(env),
};

async function launch(name: string, env: Env): Promise<Program> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = LAUNCHES[name]?.({ ...env, ...(name === 'worker' ? {} : { PORT: String(port) }), ADMIN_PORT: String(adminPort) });
  if (child === undefined) throw new TypeError(name);
  return { name, child, port: name === 'worker' ? undefined : port, adminPort };
}

async function admin(program: Program, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${program.adminPort}${path}`);
  return { status: response.status, text: await response.text() };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const waitingLines = (program: Program): string[] =>
  program.child.output.split('\n').filter((line) => line.includes('"msg":"waiting for '));

describe('until Redis and PostgreSQL have answered once', () => {
  let redis: RedisServer;
  let postgres: PostgresServer;
  const programs: Program[] = [];

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
    await migrate(postgres.url);
    await redis.kill();
    await postgres.shutDown();
    const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url };
    programs.push(...(await Promise.all(Object.keys(LAUNCHES).map((name) => launch(name, env)))));
  });

  afterAll(async () => {
    for (const { child } of programs) child.signal('SIGKILL');
    await Promise.all(programs.map(({ child }) => child.exited));
    await Promise.all([redis.stop(), postgres.stop()]);
  });

  const each = async (expectOf: (program: Program) => Promise<void>): Promise<void> => {
    await Promise.all(
      programs.map(async (program) => {
        try {
          await expectOf(program);
        } catch (error) {
          throw new Error(`${program.name}\n${program.child.output.slice(-3000)}`, { cause: error });
        }
      }),
    );
  };

  test('every program lives, is unready, says what it waits for, and keeps its public port closed', () =>
    each(async (program) => {
      const redisAway = `Redis at 127.0.0.1:${redis.port} (REDIS_URL): it does not answer: connect ECONNREFUSED`;
      const postgresAway = `PostgreSQL at 127.0.0.1:${postgres.port} (DATABASE_URL): connect ECONNREFUSED`;
      // The first lines come before each of them was tried.
      await until(() => waitingLines(program).filter((line) => line.includes(redisAway) && line.includes(postgresAway)).length >= 2, LONG);
      expect(await admin(program, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
      const { status, text } = await admin(program, '/readyz');
      expect(status).toBe(503);
      expect(text).toContain('(REDIS_URL)');
      expect(text).toContain('(DATABASE_URL)');
      if (program.port !== undefined) expect(await listens(program.port)).toBe(false);
      expect(program.child.output).not.toContain('test@');
    }));

  test('with PostgreSQL alone they go on waiting, for Redis', async () => {
    await postgres.start();
    await each(async (program) => {
      await until(async () => {
        const { status, text } = await admin(program, '/readyz');
        return status === 503 && text.includes('(REDIS_URL)') && !text.includes('(DATABASE_URL)');
      }, LONG);
      if (program.port !== undefined) expect(await listens(program.port)).toBe(false);
    });
  });

  test('with both they serve', async () => {
    await redis.restart();
    await each(async (program) => {
      await until(async () => (await admin(program, '/readyz')).status === 200, LONG);
      if (program.port !== undefined) expect(await listens(program.port)).toBe(true);
    });
  });

  test('[M1] a PostgreSQL that goes away leaves them ready; a Redis that is full does not', async () => {
    await postgres.kill9();
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await each(async (program) => {
      await until(async () => (await admin(program, '/readyz')).text.includes('OOM'), LONG);
      // It has started long ago: only its readiness goes and comes.
      expect(await admin(program, '/startupz')).toEqual({ status: 200, text: 'started\n' });
    });
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await each(async (program) => {
      await until(async () => (await admin(program, '/readyz')).status === 200, LONG);
    });
  });

  test('a Redis that takes a right away leaves them unready, and none of them fills its log', async () => {
    await redis.command('ACL', 'SETUSER', 'default', '-@write', '-evalsha', '-eval');
    await each(async (program) => {
      await until(async () => (await admin(program, '/readyz')).text.includes('may not run'), LONG);
    });
    const before = new Map(programs.map((program) => [program, program.child.output.split('\n').length]));
    const started = performance.now();
    // Long enough that a line a second would be told from a loop.
    await until(() => performance.now() - started > 10_000, LONG);
    const seconds = (performance.now() - started) / 1000;
    for (const program of programs) {
      const lines = program.child.output.split('\n').length - (before.get(program) ?? 0);
      expect(lines, `${program.name}\n${program.child.output.slice(-3000)}`).toBeLessThan(seconds);
    }
    await redis.command('ACL', 'SETUSER', 'default', '+@all');
    await each(async (program) => {
      await until(async () => (await admin(program, '/readyz')).status === 200, LONG);
    });
  });
});

describe('backends that are there, and not fit', () => {
  let redis: RedisServer;
  let postgres: PostgresServer;

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
    await redis.command('ACL', 'SETUSER', 'mute', 'on', '>pw', '~parley:*', '+@all', '-@dangerous', '+info');
  });

  afterAll(async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
  });

  test('a schema that is older than a program keeps it alive, not started and unready, until it is migrated', async () => {
    const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url };
    const programs = await Promise.all(['gateways', 'api', 'worker'].map((name) => launch(name, env)));
    onTestFinished(async () => {
      for (const { child } of programs) child.signal('SIGKILL');
      await Promise.all(programs.map(({ child }) => child.exited));
    });
    const shows = (program: Program, path: string, status: number, text: string): Promise<unknown> =>
      until(
        async () => {
          const answer = await admin(program, path).catch(() => undefined);
          return answer?.status === status && answer.text.includes(text);
        },
        { ...LONG, describe: () => `${program.name} ${path}\n${program.child.output.slice(-3000)}` },
      );
    const reason = 'its schema is older than this version needs, run npm run migrate (001_schema is missing)';
    await Promise.all(
      programs.flatMap((program) => [
        shows(program, '/readyz', 503, reason),
        shows(program, '/startupz', 503, `not started: waiting for PostgreSQL`),
      ]),
    );
    for (const program of programs) {
      expect(await admin(program, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
      if (program.port !== undefined) expect(await listens(program.port)).toBe(false);
    }
    await migrate(postgres.url);
    await Promise.all(
      programs.flatMap((program) => [shows(program, '/startupz', 200, 'started'), shows(program, '/readyz', 200, 'ready')]),
    );
  });

  test('a Redis that refuses ends a program at once, with one line that names what is missing', async () => {
    const reason = 'the user may not use the channel parley:';
    const url = `redis://mute:pw@127.0.0.1:${redis.port}`;
    await Promise.all(
      ['worker', 'gateways'].map(async (name) => {
        const { child } = await launch(name, { REDIS_URL: url, DATABASE_URL: postgres.url });
        const exit = await child.exited;
        const lines = child.output.split('\n').filter((line) => line.includes('REDIS_URL: Redis refuses what is needed'));
        expect(exit.code, child.output).toBe(1);
        expect(new Set(lines).size, child.output).toBe(1);
        expect(lines[0]).toContain(reason);
        expect(child.output).not.toMatch(/\n\s+at /);
      }),
    );
  });
});
