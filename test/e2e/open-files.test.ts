import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AllInOne } from '#test/support/all-in-one.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { until, within } from '#test/support/wait.ts';

const MAIN = fileURLToPath(new URL('../../services/gateway/main.ts', import.meta.url));
/** Open files that the gateway may have, and the connections they leave: 64 are kept. */
const FILES = 200;
const CONNECTIONS = 136;
const LIMITED = ['sh', '-c', `ulimit -n ${FILES} && exec "$0" "$@"`, process.execPath, MAIN];
/** How long the machine's time is measured, milliseconds. */
const WATCHED_MS = 2000;

let redis: RedisServer;
let database: PostgresDatabase;
let gateway: GatewayProcess;
const sockets: { destroy(): unknown }[] = [];

beforeAll(async () => {
  [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
  gateway = await GatewayProcess.start(settings(), LIMITED);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await until(async () => (await gateway.metric('parley_connections')) === 0);
});
afterAll(async () => {
  await gateway?.kill9();
  await redis?.stop();
  await database?.drop();
});

function settings(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { REDIS_URL: redis.url, DATABASE_URL: database.url, HANDSHAKES_PER_MINUTE: '0', CONNECTIONS_PER_USER: '0', ...env };
}

async function open(): Promise<RawClient> {
  const client = await RawClient.open(`${gateway.url}/ws/chat`, { token: signToken({ sub: 'many' }) });
  sockets.push(client.socket);
  return client;
}

async function status(path: string): Promise<number> {
  return (await fetch(gateway.adminUrl + path)).status;
}

/** Seconds that the gateway has computed (Linux counts in hundredths). */
function busySeconds(): number {
  const stat = readFileSync(`/proc/${gateway.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The share of a core that it takes. */
async function load(): Promise<number> {
  const spent = stopwatch();
  const before = busySeconds();
  await until(() => spent() > WATCHED_MS);
  return (busySeconds() - before) / (spent() / 1000);
}

const full = () => gateway.output.split('\n').filter((line) => line.includes('this node is full'));

describe('at its limit of open files', () => {
  it('[H4] a gateway refuses connections in words, is unready and lives, and those there chat on', async () => {
    expect(await gateway.metric('parley_connections_max')).toBe(CONNECTIONS);
    const ada = await ChatClient.connect(gateway.url, 'ada');
    await ada.join('park');
    while (sockets.length < CONNECTIONS - 1) await open();
    expect(await status('/readyz')).toBe(503);
    for (let i = 0; i < 5; i += 1) {
      const refused = await open().catch((error: unknown) => error);
      if (!(refused instanceof RefusedError)) throw new Error(`not refused: ${String(refused)}`);
      expect(refused.response.status).toBe(503);
      expect(refused.response.headers.get('x-websocket-error-code')).toBe('OVERLOADED');
      expect(Number(refused.response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await gateway.metric('parley_upgrades_refused_total', 'code="OVERLOADED"')).toBe(5);
    expect(await status('/healthz')).toBe(200);
    expect(messageOf(await ada.message('park', 'still here')).offset).toBe(1);
    expect(full()).toHaveLength(1);
    expect(JSON.parse(full()[0] ?? '')).toMatchObject({
      level: 'warn',
      connections: CONNECTIONS,
      connectionsMax: CONNECTIONS,
      openFilesMax: FILES,
    });
    sockets.pop()?.destroy();
    await until(async () => (await status('/readyz')) === 200);
    await open();
    await ada.close();
  });

  it('sockets that say nothing leave it its files and its time', async () => {
    const bob = await ChatClient.connect(gateway.url, 'bob');
    await bob.join('quiet');
    const closed = new Set<Socket>();
    for (let i = 0; i < FILES * 2; i += 1) {
      const socket = connect(gateway.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      // Its end is read.
      socket.resume();
      socket.once('close', () => closed.add(socket));
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    }
    await until(() => closed.size > FILES, { describe: () => `${closed.size} of ${FILES * 2} sockets closed` });
    expect(await load()).toBeLessThan(0.5);
    expect(await status('/healthz')).toBe(200);
    expect([200, 503]).toContain(await status('/readyz'));
    expect(await gateway.metric('parley_sockets_dropped_total')).toBeGreaterThan(FILES);
    expect(messageOf(await bob.message('quiet', 'still here')).offset).toBe(1);
    for (const socket of sockets.splice(0)) socket.destroy();
    const again = await until(() => open().catch(() => undefined));
    expect(again.response.status).toBe(101);
    await bob.close();
  });

  it('[H4] the all-in-one refuses connections in words, and serves its API, its pages and its admin port', async () => {
    const hub = await AllInOne.start(
      { DATABASE_URL: database.url, HANDSHAKES_PER_MINUTE: '0', CONNECTIONS_PER_USER: '0' },
      `ulimit -n ${FILES}`,
    );
    onTestFinished(() => hub.kill9());
    const enter = async (): Promise<RawClient> => {
      const client = await RawClient.open(`${hub.wsUrl}/ws/chat`, { token: signToken({ sub: 'many' }) });
      sockets.push(client.socket);
      return client;
    };
    const answers = async () => {
      const paths = [
        [hub.url, '/api/v1/online'],
        [hub.url, '/'],
        [hub.url, '/agent'],
        [`http://127.0.0.1:${hub.adminPort}`, '/healthz'],
        [`http://127.0.0.1:${hub.adminPort}`, '/metrics'],
        [`http://127.0.0.1:${hub.adminPort}`, '/readyz'],
      ] as const;
      // At once, as a page does.
      return Promise.all(paths.map(async ([origin, path]) => `${path} ${(await fetch(origin + path)).status}`));
    };
    const fine = ['/api/v1/online 200', '/ 200', '/agent 200', '/healthz 200', '/metrics 200'];
    expect(await answers()).toEqual([...fine, '/readyz 200']);
    const refused = async (): Promise<RefusedError['response'] | undefined> => {
      const outcome = await enter().catch((error: unknown) => error);
      if (outcome instanceof RawClient) return undefined;
      if (outcome instanceof RefusedError) return outcome.response;
      throw outcome;
    };
    let last: RefusedError['response'] | undefined;
    while (last === undefined) last = await refused();
    expect(sockets.length).toBe(CONNECTIONS);
    for (let turn = 0; turn < 3; turn += 1) {
      expect([last?.status, last?.headers.get('x-websocket-error-code')]).toEqual([503, 'OVERLOADED']);
      expect(await answers()).toEqual([...fine, '/readyz 503']);
      last = await refused();
    }
    // A login, which asks the database and writes.
    const guest = await fetch(`${hub.url}/api/v1/guests`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Guest' }),
    });
    expect(guest.status).toBe(201);
    sockets.pop()?.destroy();
    await until(async () => (await answers()).join() === [...fine, '/readyz 200'].join());
    expect((await enter()).response.status).toBe(101);
  });

  it.each(['1', '2'])('CONNECTIONS_MAX beyond it is refused at start, with %s processes', async (processes) => {
    const env = settings({ CONNECTIONS_MAX: String(CONNECTIONS + 1), GATEWAY_PROCESSES: processes });
    const { child } = GatewayProcess.launch(env, LIMITED);
    expect((await within(90_000, 'ended', child.exited)).code).toBe(1);
    expect(child.output).toMatch(/^parley: CONNECTIONS_MAX takes at most 136 here, not 137: this process may open 200 files, /m);
  });
});
