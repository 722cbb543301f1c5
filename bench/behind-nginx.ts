/**
 * `npm run bench -- behind-nginx [flags of load]`: starts two gateways with a Redis and a database of
 * the bench's own behind nginx, as `deploy/nginx` has it, and loads them with 15,000 connections.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#test/support/free-port.ts';
import { runLoad } from './drive/main.ts';
import { makeDatabase, stopPostgres } from './measure/postgres-process.ts';
import { LOAD_CORE, PinnedProcess, SERVER_CORE } from './measure/process.ts';
import { startRedis } from './measure/redis-process.ts';
import { PARLEY_SECRET, startGateway } from './measure/target.ts';

const CONFIGURATION = new URL('../deploy/nginx/parley.conf', import.meta.url);
/** A WebSocket takes two files and two of nginx's connections. A process may open 20,000 files. */
const WORKERS = 2;
const WORKER_CONNECTIONS = 19_900;
const DEFAULTS = ['--scenario', 'chat', '--connections', '15000', '--ramp', '300', '--rooms', '750', '--rate', '30', '--seconds', '60'];

/** Runs the command. Returns the exit code of the load. */
export async function runBehindNginx(argv: readonly string[]): Promise<number> {
  const [redis, database] = [await startRedis(), await makeDatabase()];
  const folder = mkdtempSync(join(tmpdir(), 'parley-nginx-'));
  const backends = { redisUrl: redis.url, databaseUrl: database.url };
  // nginx says where a client comes from.
  const env = { TRUSTED_PROXY_HOPS: '1' };
  const gateways = await Promise.all([
    startGateway('gateway 1', backends, SERVER_CORE, env),
    startGateway('gateway 2', backends, SERVER_CORE, env),
  ]);
  const port = await freePort();
  writeFileSync(
    join(folder, 'nginx.conf'),
    nginxConfiguration(
      folder,
      port,
      gateways.map((gateway) => gateway.port),
    ),
  );
  const nginx = PinnedProcess.program('nginx', LOAD_CORE, [
    '/usr/sbin/nginx',
    '-p',
    folder,
    '-e',
    'stderr',
    '-c',
    join(folder, 'nginx.conf'),
    '-g',
    'daemon off;',
  ]);
  try {
    await listens(port, nginx);
    process.env['JWT_SECRET'] = PARLEY_SECRET;
    const metrics = gateways.map(({ adminPort }) => `127.0.0.1:${adminPort}`).join(',');
    return await runLoad(['--target', `ws://127.0.0.1:${port}`, '--metrics', metrics, '--workers', '2', ...DEFAULTS, ...argv]);
  } finally {
    await nginx.stop();
    await Promise.all(gateways.map(({ server }) => server.stop()));
    await redis.process.stop();
    await database.drop();
    await stopPostgres();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The project's own file, with the addresses of this machine, inside what it asks for around it. */
function nginxConfiguration(folder: string, port: number, gateways: readonly number[]): string {
  // With reuseport both workers take their part: one alone has not files enough.
  const replacements = [
    ['listen 8080;', `listen 127.0.0.1:${port} reuseport;`],
    ...gateways.map((gateway, index) => [`gateway-${index + 1}:8080`, `127.0.0.1:${gateway}`] as const),
    // There is no API: the load needs none.
    [' api:8080', ' 127.0.0.1:9'],
  ] as const;
  const servers = replacements.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${CONFIGURATION.pathname} has no ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(CONFIGURATION, 'utf8'),
  );
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  return `worker_processes ${WORKERS}; worker_rlimit_nofile 20000; worker_shutdown_timeout 1s; pid ${folder}/pid;
events { worker_connections ${WORKER_CONNECTIONS}; }
http { access_log off; ${places}
${servers}
}
`;
}

async function listens(port: number, nginx: PinnedProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  throw new Error(`nginx does not listen:\n${nginx.tail}`);
}
