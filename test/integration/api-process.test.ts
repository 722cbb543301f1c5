import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

type Json = Record<string, unknown>;

let database: PostgresDatabase;
let redis: RedisServer;
let backends: Record<string, string>;
const folder = makeFolder('parley-api-');

beforeAll(async () => {
  [database, redis] = await Promise.all([PostgresDatabase.create(), RedisServer.start()]);
  backends = { REDIS_URL: redis.url, DATABASE_URL: database.url };
});
afterAll(async () => {
  await Promise.all([database.drop(), redis.stop()]);
  removeFolder(folder);
});

const json = async (answer: Promise<Response> | Response): Promise<Json> => (await (await answer).json()) as Json;
const bearer = (login: Json): Record<string, string> => ({ authorization: `Bearer ${String(login['token'])}` });

// Several programs start at once: a loaded machine takes its time.
describe('API processes', { timeout: 180_000 }, () => {
  it('[A1] [A2] [A3] [A4] log people in by a mail that a worker sends, and out on each other', async () => {
    const smtp = await SmtpServer.start();
    // As a node of an earlier version registers somebody after the migration.
    await database.query(
      `INSERT INTO users (id, name, name_key, mail, mail_key) VALUES ('late', 'Dora', 'dora', 'd@x.test', 'd@x.test')`,
      [],
    );
    const [one, two, worker] = await Promise.all([
      ApiProcess.start(backends),
      ApiProcess.start({ ...backends, PUBLIC_URL: 'https://chat.test' }),
      WorkerProcess.start({ ...backends, SMTP_URL: `smtp://127.0.0.1:${smtp.port}` }),
    ]);
    try {
      const entered = () => database.query(`SELECT owner FROM taken_names WHERE name_key = 'dora'`, []);
      await expect.poll(entered, { timeout: 30_000 }).toEqual([{ owner: 'late' }]);
      const code = async (api: ApiProcess, account: string): Promise<string> => {
        const before = smtp.mails.length;
        const answer = await api.post('/auth/code', { account });
        expect([answer.status, await json(answer)]).toEqual([202, { attempt: expect.any(String) }]);
        await expect.poll(() => smtp.mails.length, { timeout: 30_000 }).toBe(before + 1);
        return smtp.mails.at(-1)?.code ?? '';
      };
      const first = await code(one, 'ann@example.org');
      expect(smtp.mails.at(-1)?.to).toEqual(['ann@example.org']);
      const { registration } = await json(two.post('/auth/verify', { account: 'ann@example.org', code: first }));
      const registered = await two.post('/auth/register', { registration, name: 'Ann' });
      expect(registered.status).toBe(201);
      expect(registered.headers.get('set-cookie')).toMatch(
        /, parley_refresh=[^;]+; Max-Age=\d+; Path=\/api\/v1; HttpOnly; Secure; SameSite=Strict, parley_in=1; Max-Age=\d+; Path=\/; Secure; SameSite=Strict$/,
      );
      const login = await json(one.post('/auth/verify', { account: 'Ann', code: await code(one, 'ANN') }));
      expect((await two.get('/api/v1/rooms', bearer(login))).status).toBe(200);
      expect((await one.post('/auth/logout', {}, bearer(login))).status).toBe(204);
      await expect.poll(async () => (await two.get('/api/v1/rooms', bearer(login))).status, { timeout: 15_000 }).toBe(401);
      const other = await json(registered);
      expect((await two.get('/api/v1/rooms', bearer(other))).status).toBe(200);
      for (const { output } of [one, two]) expect(output).not.toMatch(new RegExp(`ann@|${first}|${String(login['token'])}`, 'i'));
    } finally {
      await Promise.all([one.stop(), two.stop(), worker.term()]);
      await smtp.stop();
    }
  });

  it('[A4] [A5] a login goes on where its renewal was committed and the answer lost', async () => {
    const guests = { ...backends, ALLOW_GUESTS: 'on', ALLOW_CUSTOMERS: 'on' };
    const dying = { ...guests, FAIL_POINTS: 'after-login-renewed=kill' };
    const [api, ...victims] = await Promise.all([ApiProcess.start(guests), ApiProcess.start(dying), ApiProcess.start(dying)]);
    try {
      const guest = await json(api.post('/guests', { name: 'A guest' }));
      const customer = await json(api.post('/customers', { name: 'Cid', channel: 'shop' }));
      const renewals = [
        ['/auth/refresh', { refresh: guest['refresh'] }],
        ['/customers/token', { customerId: customer['id'], channel: 'shop', refresh: customer['refresh'] }],
      ] as const;
      for (const [n, [path, body]] of renewals.entries()) {
        await expect(victims[n]?.post(path, body)).rejects.toThrow();
        expect((await victims[n]?.exited)?.signal).toBe('SIGKILL');
        const answers = await Promise.all([api.post(path, body), api.post(path, body)]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        const [next, again] = await Promise.all(answers.map((answer) => json(answer)));
        expect(next?.['refresh']).toBe(again?.['refresh']);
        expect((await api.get('/api/v1/rooms', bearer(next ?? {}))).status).toBe(200);
      }
      expect(await database.query('SELECT generation FROM login_families WHERE generation > 0')).toEqual([
        { generation: 1 },
        { generation: 1 },
      ]);
    } finally {
      await Promise.all([api.stop(), ...victims.map((victim) => victim.kill9())]);
    }
  });

  it('[A15] what a request with a key made is found by the next one, where its process died before it kept the answer', async () => {
    const KEY = 'a-key-of-the-tests-0123456789abcdef';
    const open = { ...backends, ALLOW_GUESTS: 'on', ALLOW_CUSTOMERS: 'on', API_KEYS: `tests:${KEY}` };
    const dying = { ...open, FAIL_POINTS: 'before-answer-kept=kill' };
    const ticket = 'a-ticket-that-nobody-guesses';
    const hash = createHash('sha256').update(ticket).digest('base64url');
    await database.query('INSERT INTO login_tickets (hash, mail, expires_at) VALUES ($1, $2, $3)', [
      hash,
      'dee@corp.test',
      Date.now() + 600_000,
    ]);
    const api = await ApiProcess.start(open);
    const guest = bearer(await json(api.post('/guests', { name: 'Gee' })));
    const customer = bearer(await json(api.post('/customers', { name: 'Cee', channel: 'shop' })));
    const cases = [
      ['/customers', { name: 'Dee', channel: 'shop' }, {}, "SELECT id FROM customers WHERE name = 'Dee'"],
      ['/auth/register', { registration: ticket, name: 'Dee' }, {}, "SELECT id FROM users WHERE mail = 'dee@corp.test'"],
      ['/rooms', { name: 'Twice', kind: 'group' }, guest, "SELECT room FROM rooms WHERE title = 'Twice'"],
      ['/conversations', { subject: 'Twice?', new: true }, customer, "SELECT room FROM conversations WHERE subject = 'Twice?'"],
      ['/publish', { room: 'park', text: 'Twice!' }, { authorization: `Bearer ${KEY}` }, `SELECT id FROM messages WHERE text = '"Twice!"'`],
    ] as const;
    const victims = await Promise.all(cases.map(() => ApiProcess.start(dying)));
    try {
      for (const [n, [path, body, who, made]] of cases.entries()) {
        const keyed = { ...who, 'idempotency-key': 'once' };
        await expect(victims[n]?.post(path, body, keyed), path).rejects.toThrow();
        expect((await victims[n]?.exited)?.signal).toBe('SIGKILL');
        const first = await database.query(made);
        expect(first, path).toHaveLength(1);
        // Half a minute later.
        await database.query('UPDATE idempotent_answers SET claimed_at = claimed_at - 30001 WHERE answer IS NULL');
        const again = await api.post(path, body, keyed);
        expect([path, again.status]).toEqual([path, path === '/publish' ? 200 : 201]);
        expect(await database.query(made), path).toEqual(first);
        const answer = await json(again);
        expect([answer['id'], answer['room'], (answer['user'] as Json | undefined)?.['id']], path).toContain(
          Object.values(first[0] ?? {})[0],
        );
        expect(await json(api.post(path, body, keyed)), path).toEqual(answer);
      }
    } finally {
      await Promise.all([api.stop(), ...victims.map((victim) => victim.kill9())]);
    }
  });

  it('[A12] serve the keys of their tokens, through a change of the signing key', async () => {
    const pem = (name: string): { readonly privatePath: string; readonly publicPath: string } => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const [privatePath, publicPath] = [join(folder, `${name}.pem`), join(folder, `${name}.pub`)];
      writeFileSync(privatePath, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      writeFileSync(publicPath, pair.publicKey.export({ type: 'spki', format: 'pem' }));
      return { privatePath, publicPath };
    };
    const [old, fresh] = [pem('old'), pem('fresh')];
    const guests = { ...backends, ALLOW_GUESTS: 'on' };
    const [before, after, last] = await Promise.all([
      ApiProcess.start({ ...guests, JWT_SIGNING_KEY: old.privatePath, JWT_PUBLIC_KEYS: fresh.publicPath }),
      ApiProcess.start({ ...guests, JWT_SIGNING_KEY: fresh.privatePath, JWT_PUBLIC_KEYS: old.publicPath }),
      ApiProcess.start({ ...guests, JWT_SIGNING_KEY: fresh.privatePath }),
    ]);
    try {
      const logins = await Promise.all([before, after].map(async (api) => json(api.post('/guests', { name: 'A guest' }))));
      const set = createLocalJWKSet((await json(after.get('/.well-known/jwks.json'))) as never);
      for (const login of logins) {
        expect((await jwtVerify(String(login['token']), set)).protectedHeader.alg).toBe('ES256');
        for (const api of [before, after]) expect((await api.get('/api/v1/rooms', bearer(login))).status).toBe(200);
      }
      const verdicts = await Promise.all(logins.map(async (login) => (await last.get('/api/v1/rooms', bearer(login))).status));
      expect(verdicts).toEqual([401, 200]);
    } finally {
      await Promise.all([before.stop(), after.stop(), last.stop()]);
    }
  });

  it('[A12] say when they are ready, and leave without failing whoever is being served', async () => {
    const api = await ApiProcess.start({ ...backends, ALLOW_GUESTS: 'on' });
    expect([await api.admin('/healthz'), await api.admin('/readyz'), await api.admin('/metrics')]).toEqual([200, 200, 200]);
    expect((await api.get('/metrics')).status).toBe(404);
    expect((await api.get('/docs')).status).toBe(200);
    expect((await api.get('/')).headers.get('content-type')).toMatch(/^text\/html/);
    expect(await json(api.get('/api/v1/online'))).toEqual({ count: 0 });
    const asked = Array.from({ length: 20 }, () => api.post('/guests', { name: 'A guest' }));
    await asked[0];
    const leaving = api.stop();
    // What was not taken yet finds the port closed. What was read before SIGTERM is done; what is read after it is told to go elsewhere (D1).
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'rejected') continue;
      const { status } = outcome.value;
      const { code } = (await outcome.value.json()) as { readonly code?: string };
      expect([status, code]).toEqual(status === 503 ? [503, 'DRAINING'] : [201, undefined]);
    }
    expect(await leaving).toBe(0);
  });

  it('[H3] refuse to start without their settings, and with key files that are none', async () => {
    const settings = [
      [{ REDIS_URL: redis.url }, 'DATABASE_URL'],
      [{ DATABASE_URL: database.url }, 'REDIS_URL'],
      [{ ...backends, JWT_SECRET: undefined }, 'JWT_SECRET'],
      [{ ...backends, JWT_SECRET: 'short' }, 'JWT_SECRET'],
      [{ ...backends, JWT_SIGNING_KEY: join(folder, 'absent.pem') }, 'JWT_SIGNING_KEY'],
    ] as const;
    await Promise.all(
      settings.map(async ([env, told]) => {
        const child = ApiProcess.launch(env);
        expect((await child.exited).code).toBe(1);
        expect(child.output).toContain(`parley: ${told}`);
      }),
    );
  });

  it('[A4] answer UNAVAILABLE while the database is away, and know again afterwards', async () => {
    const api = await ApiProcess.start({ ...backends, ALLOW_GUESTS: 'on' });
    try {
      await database.query('ALTER TABLE login_families RENAME TO login_families_away');
      expect((await api.post('/guests', { name: 'A guest' })).status).toBeGreaterThanOrEqual(500);
      await database.query('ALTER TABLE login_families_away RENAME TO login_families');
      await expect.poll(async () => (await api.post('/guests', { name: 'A guest' })).status, { timeout: 15_000 }).toBe(201);
    } finally {
      await api.stop();
    }
  });

  it('[D1] answers what was asked before SIGTERM, and newcomers with 503 as long as a balancer needs', async () => {
    const api = await ApiProcess.start({ ...backends, DRAIN_LISTEN_SECONDS: '3' });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const asked = request(`${api.url}/api/v1/online`, { agent: kept }, (answer) => resolve(answer.resume()));
        asked.once('error', reject).end();
      });
    expect((await ask()).statusCode).toBe(200);
    // Half of a request that the rest follows of once the API leaves.
    const slow = connect(api.port, '127.0.0.1');
    const answered = text(slow);
    slow.write('POST /api/v1/auth/code HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"account":');
    expect((await ask()).statusCode).toBe(200);
    api.signal('SIGTERM');
    await expect.poll(() => api.admin('/readyz')).toBe(503);
    slow.write('"a@b.test"}');
    expect(await answered).toMatch(/^HTTP\/1\.1 202 [\s\S]*connection: close/i);
    const late = await ask();
    expect([late.statusCode, late.headers['retry-after'], late.headers.connection]).toEqual([503, '2', 'close']);
    const newcomer = await api.get('/nowhere');
    expect([newcomer.status, await json(newcomer)]).toEqual([503, expect.objectContaining({ code: 'DRAINING' })]);
    expect((await api.exited).code).toBe(0);
    kept.destroy();
    await expect(api.get('/')).rejects.toThrow();
  });
});
