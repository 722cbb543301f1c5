import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { boardAdapters } from '#libs/jobs/queue-board.ts';
import { NODE_FACTS_MS, NODE_LOST_MS, type NodeReading } from '#libs/presence/node-directory.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { AdminOptions } from '#services/api/admin.ts';
import { LocalKey } from '#services/api/local-key.ts';
import { adminWorld, basic, PASSWORD } from '#test/support/admin-world.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { bearer, SILENT } from '#test/support/room-stage.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { until } from '#test/support/wait.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const world = (more: Partial<AdminOptions> = {}) => adminWorld(redis.url, more);

const READING: NodeReading = { connections: 3, messages: 100, redisLag: 0.002, state: 'serving', rooms: ['den', 'park'] };

describe('the admin pages', () => {
  it('[A13] want the password, whatever the user is called', async () => {
    const { get } = await world();
    for (const path of [
      '/admin/api/nodes',
      '/admin/api/rooms',
      '/admin/api/users/ann',
      '/admin/api/queues',
      '/admin/queues',
      '/admin/queues/api/queues',
      '/admin/x',
    ]) {
      const none = await get(path, {});
      expect(none.status, path).toBe(401);
      expect(none.headers.get('www-authenticate')).toContain('Basic');
      expect(await none.json()).toMatchObject({ code: 'MISSING_TOKEN', requestId: expect.any(String) });
    }
    expect((await get('/admin/api/nodes', { authorization: basic(PASSWORD, 'anybody') })).status).toBe(200);
    for (const authorization of [basic('tea'), basic(''), 'Basic !', `Bearer ${PASSWORD}`, basic(`${PASSWORD} `)]) {
      expect((await get('/admin/api/nodes', { authorization })).status, authorization).toBe(401);
    }
    expect((await get('/healthz', {})).status).toBe(200);
  });

  it('[A13] let nobody guess: ten wrong passwords of an address, and it waits', async () => {
    const { get, time } = await world();
    for (let n = 0; n < 10; n++) expect((await get('/admin/api/nodes', { authorization: basic(`guess ${n}`) })).status).toBe(401);
    const eleventh = await get('/admin/api/nodes', { authorization: basic('guess') });
    expect(eleventh.status).toBe(429);
    expect(Number(eleventh.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get('/admin/api/nodes')).status).toBe(429);
    // Whoever sets the clock ends no wait, and makes none longer.
    time.now += 61_000;
    expect((await get('/admin/api/nodes')).status).toBe(429);
    time.now -= 3_600_000;
    time.steady += 61_000;
    expect((await get('/admin/api/nodes')).status).toBe(200);
  });

  it('[A13] without a password serve nobody, or whoever has the key on this machine', async () => {
    const closed = await world({ password: undefined });
    expect((await closed.get('/admin/api/nodes')).status).toBe(403);
    expect((await closed.get('/admin/queues', {})).status).toBe(403);
    const key = randomUUID();
    const open = await world({ password: undefined, localKey: new LocalKey({ key, publicUrl: undefined, trustedProxyHops: 0 }) });
    for (const path of ['/admin/api/nodes', '/admin/queues', '/admin/x']) expect((await open.get(path, {})).status, path).toBe(403);
    const exchanged = await open.get(`/admin/?key=${key}`, {});
    expect([exchanged.status, exchanged.headers.get('location')]).toEqual([303, './']);
    const [cookie = ''] = exchanged.headers.get('set-cookie')?.split(';') ?? [];
    expect((await open.get('/admin/api/nodes', { cookie })).status).toBe(200);
    expect((await open.get('/admin/api/nodes', { cookie, via: '1.1 proxy' })).status).toBe(403);
    expect((await open.get('/admin/?key=wrong', {})).headers.get('set-cookie')).toBeNull();
    // A name of somebody else's that leads to this machine is no way in. `fetch` sets the Host itself.
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(`${open.origin}/admin/api/nodes`, { headers: { host: 'evil.test', cookie } }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('[A13] do nothing that a page of another site asks for', async () => {
    const { get } = await world();
    const as = { authorization: basic(PASSWORD) };
    const path = '/admin/queues/api/queues/mail/pause';
    for (const foreign of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.test' },
      { origin: 'null' },
    ]) {
      const refused = await get(path, { ...as, ...(foreign as Record<string, string>) }, 'PUT');
      expect([refused.status, (await refused.json()).code]).toEqual([403, 'ORIGIN_DENIED']);
    }
    // What the board itself answers: its queues are to be looked at only.
    expect(await (await get(path, { ...as, 'sec-fetch-site': 'same-origin' }, 'PUT')).text()).not.toContain('ORIGIN_DENIED');
  });

  it('[A13] tell what each gateway does', async () => {
    const { time, json, gateway, nodes } = await world();
    const one = gateway('gw-1', READING);
    const two = gateway('gw-2', { ...READING, connections: 5 });
    await two.reporter.close();
    one.state.messages = 150;
    one.state.state = 'draining';
    time.now += 20_000;
    one.tick();
    await until(async () => (await nodes.list())[0]?.state === 'draining', { timeoutMs: 20_000, describe: 'it told' });
    // Polled: one that could not report in time is called silent until its next report.
    await expect
      .poll(async () => (await json('/admin/api/nodes')).nodes)
      .toEqual([
        {
          id: 'gw-1',
          version: '1.2.3',
          startedAt: time.now - 20_000,
          uptime: 20,
          connections: 3,
          messagesPerSecond: 2.5,
          redisLag: 0.002,
          state: 'draining',
          silent: 0,
        },
      ]);
    await one.reporter.close();
    expect((await json('/admin/api/nodes')).nodes).toEqual([]);
  });

  it('[A13] tell which gateway fell silent, and forget it in the end', async () => {
    const { link, json, gateway, nodes } = await world();
    gateway('gw-1', READING);
    await until(async () => (await nodes.list()).length === 1, { timeoutMs: 20_000, describe: 'they told' });
    const key = link.keys.nodeFacts('gw-1');
    const silentFor = (milliseconds: number) => link.command(key, 'PEXPIRE', key, NODE_FACTS_MS - milliseconds);
    await silentFor(NODE_LOST_MS / 2);
    expect((await json('/admin/api/nodes')).nodes).toMatchObject([{ id: 'gw-1', state: 'serving' }]);
    await silentFor(60_000);
    const [{ silent, ...lost }] = (await json('/admin/api/nodes')).nodes;
    expect(lost).toMatchObject({ id: 'gw-1', state: 'lost', connections: 3 });
    expect(silent).toBeGreaterThanOrEqual(60);
    // Nobody is in its rooms any more as far as it is asked.
    expect((await json('/admin/api/rooms')).rooms).toEqual([]);
    await link.command(key, 'DEL', key);
    expect((await json('/admin/api/nodes')).nodes).toEqual([]);
    expect(await link.command(link.keys.nodes(), 'SCARD', link.keys.nodes())).toBe(0);
  });

  it('[A13] tell the rooms with the most people', async () => {
    const { stage, json, get, gateway, nodes } = await world();
    for (const name of ['a', 'b', 'c']) await stage.enter('den', bearer(name));
    await stage.enter('park', bearer('a'));
    const tea = {
      room: 'group:x',
      kind: 'group',
      title: 'Tea',
      owner: 'a',
      keepHistory: false,
      createdAt: 1,
      expiresAt: undefined,
    } as const;
    await stage.store.rooms.create(tea, []);
    const asked = { ...tea, room: 'conv:x', kind: 'conv', title: 'My parcel 4711 is lost' } as const;
    await stage.store.rooms.create(asked, [{ id: 'a', name: 'A' }]);
    await stage.enter('conv:x', bearer('a'));
    for (const name of ['a', 'b']) await stage.enter('group:x', bearer(name));
    gateway('gw-1', READING);
    gateway('gw-2', { ...READING, rooms: ['conv:x', 'den', 'empty', 'group:x'] });
    await until(async () => (await nodes.list()).length === 2, { timeoutMs: 20_000, describe: 'they told' });
    expect((await json('/admin/api/rooms')).rooms).toEqual([
      { room: 'den', name: '', count: 3 },
      { room: 'group:x', name: 'Tea', count: 2 },
      { room: 'conv:x', name: '', count: 1 },
      { room: 'park', name: '', count: 1 },
    ]);
    expect((await json('/admin/api/users/a/rooms')).rooms).toMatchObject([{ room: 'conv:x', kind: 'conv', name: '' }]);
    expect((await json('/admin/api/rooms?top=1')).rooms).toEqual([{ room: 'den', name: '', count: 3 }]);
    expect((await get('/admin/api/rooms?top=0')).status).toBe(400);
  });

  it('[A13] tell of a user', async () => {
    const { stage, json, get } = await world();
    expect((await get('/admin/api/users/ann')).status).toBe(404);
    await stage.arrive(bearer('ann', 'guest'));
    const at = Date.now();
    await stage.store.revocations.add({ kind: 'ban', subject: 'ann', reason: 'spam', at, until: at + 60_000 });
    const shown = { id: 'ann', name: 'Name of ann', kind: 'guest', online: true, sessions: 1, lastSeen: expect.any(Number), rooms: [] };
    expect(await json('/admin/api/users/ann')).toEqual({ ...shown, bannedUntil: at + 60_000, banReason: 'spam' });
    await stage.store.revocations.add({ kind: 'unban', subject: 'ann', reason: '', at, until: at + 60_000 });
    expect(await json('/admin/api/users/ann')).toEqual({ ...shown, bannedUntil: null, banReason: null });
  });

  it('[A13] tell of the queues, and show their board', async () => {
    const { jobs, json, get } = await world();
    await jobs.add('room-expiry', { room: 'group:x' }, { id: 'group:x', delayMs: 600_000 });
    const { queues } = await json('/admin/api/queues');
    expect(queues['room-expiry']).toMatchObject({ delayed: 1, waiting: 0, failed: 0 });
    expect(Object.keys(queues).toSorted()).toEqual(['clean-up', 'mail', 'room-expiry']);
    const page = await get('/admin/queues');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    const html = await page.text();
    expect(html).toContain('<base href="/admin/queues/"');
    const files = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => file);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      expect((await get(`/admin/queues/${file}`)).status, file).toBe(200);
      expect((await get(`/admin/queues/${file}`, {})).status, file).toBe(401);
    }
    const board = await json('/admin/queues/api/queues');
    expect(board.queues.map(({ name }: { name: string }) => name).toSorted()).toEqual(['clean-up', 'mail', 'room-expiry']);
  });

  it('[A13] tell of the hub as a whole, also while a backend is away', async () => {
    const { stage, json } = await world();
    const whole = {
      version: '1.2.3',
      online: 1,
      redis: 'up',
      database: 'up',
      board: true,
      dashboardUrl: 'https://dashboards.test/',
      warnings: [expect.stringMatching(/^PUBLIC_URL is http: /)],
      warningCodes: [{ code: 'publicUrlPlain', values: [] }],
      keySet: null,
    };
    await stage.arrive(bearer('ann'));
    expect(await json('/admin/api/hub')).toEqual(whole);
    const away = () => Promise.reject(new HubError('UNAVAILABLE'));
    const { presence } = await stage.api();
    const broken = await world({
      dashboardUrl: undefined,
      presence: { online: away, counts: away, sessions: away, page: away, sample: away, room: away, nodesOf: away },
      store: { ...stage.store, ping: away },
    });
    expect(await broken.json('/admin/api/hub')).toEqual({ ...whole, online: null, redis: 'down', database: 'down', dashboardUrl: null });
    expect((await broken.get('/admin/api/online')).status).toBe(503);
    const alone = await world({ presence, redis: false });
    expect(await alone.json('/admin/api/hub')).toMatchObject({ redis: 'none', database: 'up' });
  });

  it('[A13] tell who is online', async () => {
    const { stage, json, get } = await world();
    expect(await json('/admin/api/online')).toEqual({ count: 0, users: [] });
    await stage.arrive(bearer('zoe'), bearer('ann', 'guest'));
    expect(await json('/admin/api/online')).toEqual({
      count: 2,
      users: [
        { id: 'ann', name: 'Name of ann', kind: 'guest', sessions: 1 },
        { id: 'zoe', name: 'Name of zoe', kind: 'user', sessions: 1 },
      ],
    });
    const some = await json('/admin/api/online?limit=1');
    expect([some.count, some.users.length]).toEqual([2, 1]);
    for (const bad of ['?limit=0', '?limit=501', '?limit=x', '?more=1']) {
      expect((await get(`/admin/api/online${bad}`)).status, bad).toBe(400);
    }
  });

  it('[A13] find people by id and by how their name begins, never by their mail', async () => {
    const { stage, json, get } = await world();
    const id = '5f6b1c0e-54a8-4e0e-a5f4-1d8c3f8a0001';
    await stage.store.users.create({ id, name: 'Annabel', mail: 'annabel@mail.test' });
    await stage.arrive(
      bearer('g1', 'guest', { name: 'ANN' }),
      bearer('g2', 'guest', { name: 'Ann Lee' }),
      bearer('g3', 'guest', { name: 'A%n' }),
    );
    const find = async (text: string) => (await json(`/admin/api/users?find=${encodeURIComponent(text)}`)).users;
    expect(await find('ann')).toEqual([
      { id: 'g1', name: 'ANN', kind: 'guest', sessions: 1 },
      { id: 'g2', name: 'Ann Lee', kind: 'guest', sessions: 1 },
    ]);
    expect(await find(' annabel ')).toEqual([{ id, name: 'Annabel', kind: 'user', sessions: 0 }]);
    expect(await find(id)).toEqual([{ id, name: 'Annabel', kind: 'user', sessions: 0 }]);
    expect((await find('a%')).map((user: { id: string }) => user.id)).toEqual(['g3']);
    for (const text of ['annabel@mail.test', '%', '_', 'nobody']) expect(await find(text), text).toEqual([]);
    for (const bad of ['', '?find=', '?find=%20', '?find=%00', `?find=${'x'.repeat(257)}`]) {
      expect((await get(`/admin/api/users${bad}`)).status, bad).toBe(400);
    }
    expect(JSON.stringify(await json(`/admin/api/users/${id}`))).not.toContain('mail.test');
  });

  it('[A13] send a notice to all, to a room and to a user', async () => {
    const { stage, send } = await world();
    const ann = bearer('ann');
    await stage.arrive(ann);
    await stage.listenToAll();
    await stage.listenTo('den');
    const notice = { type: 'inform', body: 'Back at four.' };
    for (const to of [{ all: true }, { room: 'den' }, { user: 'ann' }]) {
      expect(await send('POST', '/push', { ...notice, to })).toEqual({ status: 202, body: {} });
    }
    const heard = (who: string) => stage.heard(who).filter((payload) => payload.includes('Back at four.')).length;
    await until(() => heard('') === 1 && heard('r:den') === 1 && heard('ann') === 1, { timeoutMs: 30_000, describe: 'all heard it' });
    const missing = await send('POST', '/push', { ...notice, to: { room: 'group:none' } });
    expect([missing.status, missing.body.code]).toEqual([404, 'ROOM_NOT_FOUND']);
  });

  it('[A13] end connections and logins, ban and let in again', async () => {
    const { stage, send, time, json } = await world();
    await stage.arrive(bearer('ann'));
    const standing = async () =>
      (await stage.store.revocations.since(undefined, time.now)).entries.map(({ kind, subject }) => `${kind} ${subject}`);
    expect(await send('POST', '/disconnect', { user: 'ann', reason: 'a test' })).toEqual({ status: 202, body: {} });
    expect(await send('POST', '/revoke', { user: 'ann' })).toEqual({ status: 202, body: {} });
    expect(await send('POST', '/ban', { user: 'ann', seconds: 60, reason: ' Be kind. ' })).toEqual({ status: 202, body: {} });
    expect(await standing()).toEqual(['disconnect ann', 'user ann', 'ban ann']);
    expect(await json('/admin/api/users/ann')).toMatchObject({ bannedUntil: time.now + 60_000, banReason: 'Be kind.' });
    expect(await send('DELETE', '/ban/ann')).toEqual({ status: 202, body: {} });
    expect((await json('/admin/api/users/ann')).bannedUntil).toBeNull();
  });

  it('[A13] refuse wrong input, other sites and strangers, and do nothing then', async () => {
    const { stage, send, get, time, origin } = await world();
    for (const [path, body] of [
      ['/ban', { user: 'ann', seconds: 0 }],
      ['/ban', { user: 'ann' }],
      ['/ban', { user: 'a b', seconds: 1 }],
      ['/ban', { user: 'ann', seconds: 1, reason: 'x'.repeat(101) }],
      ['/ban', { user: 'ann', seconds: 1, reason: 'two\nlines' }],
      ['/ban', { user: 'ann', seconds: 1, reason: 'turned \u202e round' }],
      ['/disconnect', { user: 'ann', reason: 'no \0' }],
      ['/disconnect', {}],
      ['/disconnect', { user: 'ann', more: 1 }],
      ['/revoke', { user: '' }],
      ['/push', { to: {}, type: 'inform', body: 1 }],
      ['/push', { to: { all: true }, type: 'shout', body: 1 }],
    ] as const) {
      const refused = await send('POST', path, body);
      expect([refused.status, refused.body.code], `${path} ${JSON.stringify(body)}`).toEqual([400, 'INVALID_REQUEST']);
      expect(refused.body.details.length).toBeGreaterThan(0);
    }
    const ban = (headers: Record<string, string>) =>
      fetch(`${origin}/admin/api/ban`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ user: 'ann', seconds: 60 }),
      });
    expect((await ban({})).status).toBe(401);
    expect((await ban({ authorization: basic(PASSWORD), origin: 'http://evil.test' })).status).toBe(403);
    expect((await ban({ authorization: basic(PASSWORD), 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    // A form of another site can send this type without being asked first.
    expect((await ban({ authorization: basic(PASSWORD), 'content-type': 'text/plain' })).status).toBe(400);
    expect((await get('/admin/api/publish', { authorization: basic(PASSWORD) }, 'POST')).status).toBe(404);
    expect((await stage.store.revocations.since(undefined, time.now)).entries).toEqual([]);
  });

  it('[A13] log who did what, and never what was said', async () => {
    const lines: unknown[] = [];
    const { send } = await world({ log: { ...SILENT, info: (...line: unknown[]) => void lines.push(line) } });
    await send('POST', '/push', { to: { all: true }, type: 'inform', body: 'secret words' });
    await send('POST', '/ban', { user: 'ann', seconds: 60, reason: 'secret words' });
    await send('DELETE', '/ban/ann');
    await send('POST', '/ban', { user: 'ann', seconds: 0 });
    await until(() => lines.length === 3, { timeoutMs: 20_000, describe: 'three lines' });
    expect(lines).toMatchObject([
      [{ action: 'POST /admin/api/push', to: { all: true } }, expect.any(String)],
      [{ action: 'POST /admin/api/ban', user: 'ann', seconds: 60, address: '127.0.0.1' }, expect.any(String)],
      [{ action: 'DELETE /admin/api/ban/:user', user: 'ann' }, expect.any(String)],
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret words');
  });

  it('[A13] serve the built page and nothing else of its folder, under a strict policy', async () => {
    const folder = makeFolder('parley-admin-');
    onTestFinished(() => removeFolder(folder));
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'admin.html'), '<!doctype html><title>Admin</title>');
    writeFileSync(join(folder, 'index.html'), 'the chat');
    writeFileSync(join(folder, 'favicon.svg'), '<svg/>');
    writeFileSync(join(folder, 'assets', 'admin-1a2b.js'), 'export {};');
    const { get } = await world({ page: folder });
    const redirect = await get('/admin');
    expect([redirect.status, redirect.headers.get('location')]).toEqual([308, '/admin/']);
    const page = await get('/admin/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    expect(await page.text()).toContain('<title>Admin');
    const policy = page.headers.get('content-security-policy');
    for (const part of [
      "default-src 'none'",
      "style-src 'self';",
      "script-src 'self';",
      "frame-ancestors 'none'",
      "trusted-types 'none'",
    ]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toContain('unsafe');
    const script = await get('/admin/assets/admin-1a2b.js');
    expect([script.status, script.headers.get('content-type')]).toEqual([200, expect.stringContaining('javascript')]);
    expect((await get('/admin/favicon.svg')).status).toBe(200);
    for (const path of ['/admin', '/admin/', '/admin/assets/admin-1a2b.js', '/admin/favicon.svg']) {
      expect((await get(path, {})).status, path).toBe(401);
    }
    for (const path of ['/admin/index.html', '/admin/assets/', '/admin/assets/..%2findex.html', '/admin/x']) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  it('[A13] say so where there is no board', async () => {
    const jobs = new JobsMemory({ log: SILENT });
    onTestFinished(() => jobs.close());
    const { get } = await world({ jobs, board: boardAdapters(jobs) });
    const page = await get('/admin/queues');
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('no board')]);
    expect((await get('/admin/api/queues')).status).toBe(200);
    expect((await get('/admin/nothing')).status).toBe(404);
  });
});
