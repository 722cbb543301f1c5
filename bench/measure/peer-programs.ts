/** Peers that are programs of their own: nchan in nginx, NATS, Soketi. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#test/support/free-port.ts';
import { untilListening } from './port.ts';
import { PinnedProcess, PROBED, SERVER_CORE } from './process.ts';

/** Processes that accept connections, and their ports. */
export interface Started {
  readonly servers: readonly PinnedProcess[];
  readonly ports: readonly number[];
}

const NGINX = '/usr/sbin/nginx';
const NCHAN_MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const NATS = '/usr/sbin/nats-server';
const SOKETI = new URL('../peers/soketi/', import.meta.url).pathname;
const SOKETI_SERVER = `${SOKETI}node_modules/@soketi/soketi/bin/server.js`;
const CONNECTIONS = 20_000;
const ROUTE_STEP_MS = 50;

/**
 * nchan in one worker of nginx for each core it gets: one. It keeps the last messages of a room. With
 * a Redis, several share their rooms. @throws Error if Debian's package is not installed.
 */
export async function startNchan(count: number, redisUrl?: string): Promise<Started> {
  if (!existsSync(NCHAN_MODULE)) throw new Error('nchan is not installed (Debian: apt-get install nginx-light libnginx-mod-nchan)');
  return startEach(count, async (port, name) => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-nchan-'));
    writeFileSync(join(folder, 'nginx.conf'), nchanConfig(port, redisUrl));
    return PinnedProcess.program(name, SERVER_CORE, [NGINX, '-p', folder, '-c', 'nginx.conf', '-e', 'stderr']);
  });
}

function nchanConfig(port: number, redisUrl: string | undefined): string {
  return `load_module ${NCHAN_MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile ${CONNECTIONS};
pid nginx.pid;
events { worker_connections ${CONNECTIONS - 100}; }
http {
  access_log off;
  ${redisUrl === undefined ? '' : `upstream shared { nchan_redis_server ${redisUrl}; }`}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/chat/(.+)$ {
      nchan_pubsub websocket;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 2m;
      ${redisUrl === undefined ? '' : 'nchan_redis_pass shared;'}
    }
  }
}
`;
}

/** NATS with its WebSocket listener. Several are a cluster. @throws Error if it is not installed. */
export async function startNats(count: number): Promise<Started> {
  if (!existsSync(NATS)) throw new Error('NATS is not installed (Debian: apt-get install nats-server)');
  const routes = await Promise.all(Array.from({ length: count }, freePort));
  const monitors: number[] = [];
  const started = await startEach(count, async (port, name, i) => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-nats-'));
    const [client, monitor] = [await freePort(), await freePort()];
    monitors.push(monitor);
    const cluster = `cluster { name: bench, listen: "127.0.0.1:${routes[i]}", routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`)}] }`;
    writeFileSync(
      join(folder, 'nats.conf'),
      `server_name: node${i}
listen: "127.0.0.1:${client}"
http: "127.0.0.1:${monitor}"
max_connections: ${CONNECTIONS}
websocket { listen: "127.0.0.1:${port}", no_tls: true }
${count > 1 ? cluster : ''}
`,
    );
    return PinnedProcess.program(name, SERVER_CORE, [NATS, '-c', join(folder, 'nats.conf')]);
  });
  for (const monitor of monitors) while ((await routesOf(monitor)) < count - 1) await delay(ROUTE_STEP_MS);
  return started;
}

async function routesOf(monitor: number): Promise<number> {
  const answer = (await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json()) as { readonly routes: number };
  return answer.routes;
}

/** Soketi, with packages of its own that are installed at the first start. Several share a Redis. */
export async function startSoketi(count: number, redisUrl?: string): Promise<Started> {
  if (!existsSync(SOKETI_SERVER)) {
    const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: SOKETI, encoding: 'utf8' });
    if (status !== 0) throw new Error(`Soketi cannot be installed: ${stderr}`);
  }
  const redis = new URL(redisUrl ?? 'redis://127.0.0.1:6379');
  return startEach(count, async (port, name) => {
    const env = {
      SOKETI_HOST: '127.0.0.1',
      SOKETI_PORT: String(port),
      SOKETI_METRICS_SERVER_PORT: String(await freePort()),
      SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'true',
      ...(redisUrl !== undefined && {
        SOKETI_ADAPTER_DRIVER: 'redis',
        SOKETI_DB_REDIS_HOST: redis.hostname,
        SOKETI_DB_REDIS_PORT: redis.port,
      }),
    };
    return PinnedProcess.node(name, SERVER_CORE, [...PROBED, '--no-deprecation', SOKETI_SERVER, 'start'], env);
  });
}

async function startEach(count: number, start: (port: number, name: string, i: number) => Promise<PinnedProcess>): Promise<Started> {
  const servers: PinnedProcess[] = [];
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const port = await freePort();
    servers.push(await start(port, `server ${i + 1}`, i));
    ports.push(port);
  }
  for (const port of ports) await untilListening(port);
  return { servers, ports };
}
