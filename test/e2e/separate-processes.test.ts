import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { RawClient, RefusedError } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const PASSWORD = 'a password of tests only';
const KEY = 'a-service-key-of-tests-only-0123456789';
/** A rule's 2 s, and what a loaded machine adds between two processes. */
const EVERYWHERE_MS = 10_000;

let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { API_KEYS: `tests:${KEY}` } });
  smtp = await SmtpServer.start();
  const settings = { ...hub.settings, SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, ALLOW_GUESTS: 'on', ADMIN_PASSWORD: PASSWORD };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
});
afterEach(() => hub.clear());
afterAll(async () => {
  await worker?.kill9();
  await api?.kill9();
  await smtp?.stop();
  await hub?.stop();
});

interface Login {
  readonly token: string;
  readonly refresh: string;
  readonly user: { readonly id: string; readonly name: string };
}

async function call<T>(method: string, path: string, body?: unknown, token?: string, status?: number): Promise<T> {
  const response = await fetch(`${api.url}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (status === undefined ? !response.ok : response.status !== status) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** The next code mailed to this address, through API, queue, worker and mail server. */
async function codeFor(account: string, mail: string): Promise<string> {
  const before = smtp.mails.length;
  await call('POST', '/auth/code', { account });
  const sent = await until(() => smtp.mails.slice(before).find(({ to }) => to.includes(mail)), { timeoutMs: 30_000 });
  return sent.code;
}

async function register(name: string): Promise<Login> {
  const mail = `${name}@example.com`;
  const code = await codeFor(mail, mail);
  const { registration } = await call<{ registration: string }>('POST', '/auth/verify', { account: mail, code });
  return call<Login>('POST', '/auth/register', { registration, name });
}

async function login(name: string): Promise<Login> {
  const code = await codeFor(name, `${name}@example.com`);
  return call<Login>('POST', '/auth/verify', { account: name, code });
}

/** Connects, and waits until what was said from now on comes as it is said. */
async function connect(who: Login, gateway: number): Promise<ChatClient> {
  const client = await hub.client(who.user.id, gateway, { token: who.token });
  await client.waitFor('offline_messages_complete');
  return client;
}

/** Each node learns of it by itself, the one after the other: who was let in before is not waited for to be served. */
async function refused(who: Login, gateway: number, status = 401): Promise<void> {
  const answers: string[] = [];
  const attempt = (): Promise<string> =>
    hub.client(who.user.id, gateway, { token: who.token }).then(
      async (client) => {
        await client.close();
        return 'let in';
      },
      (error: unknown) => (error instanceof RefusedError ? String(error.response.status) : String(error)),
    );
  await until(
    async () => {
      const answer = await attempt();
      if (answer !== answers.at(-1)) answers.push(answer);
      return answer === String(status);
    },
    { timeoutMs: EVERYWHERE_MS, describe: () => `refused by gateway ${gateway}, which answered ${answers.join(', then ')}` },
  );
}

describe('gateways, API and worker as processes of their own', () => {
  it('[A1] [A3] [A9] [M1] [M6] two accounts by mailed code meet in park, are paired, and miss nothing said while one was away', async () => {
    const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
    const [hers, his] = [await connect(ada, 0), await connect(bob, 1)];
    await hers.join('park');
    await his.join('park');
    await hers.message('park', 'anybody here?');
    await his.waitFor('message', (frame) => frame.room === 'park' && messageOf(frame).text === 'anybody here?');
    const ask = (who: Login): Promise<{ room?: string }> => call('POST', '/rooms/match', { keepHistory: true }, who.token);
    expect((await ask(ada)).room).toBeUndefined();
    const room = await until(async () => (await ask(bob)).room);
    expect((await ask(ada)).room).toBe(room);
    for (const [client, other] of [
      [hers, bob],
      [his, ada],
    ] as const) {
      expect(await client.waitFor('matched')).toMatchObject({ room, with: { id: other.user.id, name: other.user.name } });
    }
    await hers.message(room, 'hello');
    expect(messageOf(await his.waitFor('message', (frame) => frame.room === room)).text).toBe('hello');
    his.send({ type: 'delivered', room, offset: 1 });
    await his.message(room, 'hi');
    await his.close();
    await hers.message(room, 'are you gone?');
    const back = await connect(bob, 0);
    await back.waitFor('offline_messages_complete');
    expect(back.of('offline_message').map((frame) => messageOf(frame).text)).toContain('are you gone?');
    const history = await hers.history(room);
    expect(history.messages?.map(({ message }) => message.text)).toEqual(['hello', 'hi', 'are you gone?']);
    const page = await call<{ messages: { message: { text: string } }[] }>('GET', `/rooms/${room}/messages`, undefined, bob.token);
    expect(page.messages.map(({ message }) => message.text)).toEqual(['hello', 'hi', 'are you gone?']);
  });

  it('[A4] logging out closes the sockets of that login on every node, and its token is refused', async () => {
    await register('cleo');
    const [phone, laptop] = [await login('cleo'), await login('cleo')];
    const [one, two, other] = [await connect(phone, 0), await connect(phone, 1), await connect(laptop, 0)];
    await call('POST', '/auth/logout', undefined, phone.token, 204);
    for (const client of [one, two]) {
      expect(await client.closed).toEqual({ code: 4510, reason: 'LOGGED_OUT' });
      expect(client.frames.at(-1)).toMatchObject({ type: 'kicked', reason: 'LOGGED_OUT' });
    }
    for (const gateway of [0, 1]) await refused(phone, gateway);
    await until(
      () =>
        call('GET', '/rooms', undefined, phone.token, 401).then(
          () => true,
          () => false,
        ),
      { timeoutMs: EVERYWHERE_MS },
    );
    expect(other.connected).toBe(true);
    await call('GET', '/rooms', undefined, laptop.token, 200);
  });

  it('[A11] a service pushes to all, a room, a user and a session, and publishes', async () => {
    const [dora, emil] = await Promise.all([register('dora'), register('emil')]);
    const [hers, his] = [await connect(dora, 0), await connect(emil, 1)];
    await his.join('park');
    const push = (to: unknown, body: string): Promise<unknown> => call('POST', '/push', { to, type: 'inform', code: 'news', body }, KEY);
    await push({ all: true }, 'all');
    await push({ room: 'park' }, 'room');
    await push({ user: dora.user.id }, 'user');
    await push({ session: his.welcome.session }, 'session');
    const bodies = (client: ChatClient): unknown[] => client.of('inform').map((frame) => Reflect.get(frame, 'body'));
    await until(() => bodies(hers).length >= 2 && bodies(his).length >= 3);
    expect(bodies(hers).sort()).toEqual(['all', 'user']);
    expect(bodies(his).sort()).toEqual(['all', 'room', 'session']);
    const published = await call<{ id: string; offset: number }>('POST', '/publish', { room: 'park', text: 'from a bot', id: 'once' }, KEY);
    const again = await call<{ id: string; offset: number }>('POST', '/publish', { room: 'park', text: 'from a bot', id: 'once' }, KEY);
    expect(again).toMatchObject({ id: published.id, offset: published.offset });
    const frame = await his.waitFor('message', (one) => one.room === 'park' && messageOf(one).text === 'from a bot');
    expect(frame.offset).toBe(published.offset);
    expect(his.of('message').filter((one) => one.offset === published.offset)).toHaveLength(1);
  });

  it('[A11] [A17] [H4] [H5] disconnect, revoke and ban reach every node, say why, and hold through a restart of Redis', async () => {
    const fred = await register('fred');
    const [one, two] = [await connect(fred, 0), await connect(fred, 1)];
    await call('POST', '/disconnect', { user: fred.user.id, reason: 'a word with you' }, KEY);
    for (const client of [one, two])
      expect(await client.closed).toMatchObject({ code: 4510, reason: expect.stringMatching(/^DISCONNECTED/) });
    const three = await connect(fred, 0);
    await call('POST', '/revoke', { user: fred.user.id }, KEY);
    expect(await three.closed).toEqual({ code: 4510, reason: 'LOGGED_OUT' });
    const fresh = await login('fred');
    const four = await connect(fresh, 1);
    const reason = '三次警告。 Be kind.';
    await call('POST', '/ban', { user: fred.user.id, seconds: 3600, reason }, KEY);
    const { code, reason: told } = await four.closed;
    const [, ends = '', why] = /^BANNED (\d+) (.*)$/.exec(told) ?? [];
    expect([code, why]).toEqual([4510, reason]);
    const end = Number(ends);
    expect(four.frames.find(({ type }) => type === 'kicked')).toEqual({ type: 'kicked', reason: 'BANNED', by: reason, until: end });
    await hub.backend.command('FLUSHALL');
    await refused(fresh, 0, 403);
    // [H4] [A17] Over HTTP, and [H5] where a browser can read it.
    const url = `${hub.gateway(0).url}/ws/chat`;
    const answer = await RawClient.open(url, { token: fresh.token }).catch((error: unknown) => error);
    expect(answer).toBeInstanceOf(RefusedError);
    const { headers, body } = (answer as RefusedError).response;
    expect(JSON.parse(body)).toEqual({ code: 'BANNED', message: headers.get('x-websocket-error-message'), until: end, reason });
    const seen = await RawClient.open(url, { protocols: ['parley.v1', 'parley.v1+close', `bearer.${fresh.token}`] });
    expect(await seen.closed).toEqual({ code: 4510, reason: `BANNED ${end} ${reason}` });
    await call('DELETE', `/ban/${fred.user.id}`, undefined, KEY);
    await until(() => connect(fresh, 0).then(Boolean, () => false), { timeoutMs: EVERYWHERE_MS });
  });

  it('[A8] closing a group tells who is in it and takes them out', async () => {
    const [gina, hugo] = await Promise.all([register('gina'), register('hugo')]);
    const { room } = await call<{ room: string }>('POST', '/rooms', { name: 'plans', kind: 'group', members: [hugo.user.id] }, gina.token);
    const [hers, his] = [await connect(gina, 0), await connect(hugo, 1)];
    await hers.join(room);
    await his.join(room);
    await call('DELETE', `/rooms/${room}`, undefined, gina.token);
    for (const client of [hers, his]) expect(await client.waitFor('room_closed')).toMatchObject({ room, reason: 'closed' });
    await expect(his.message(room, 'hm')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await expect(his.join(room)).rejects.toMatchObject({ code: 'ROOM_CLOSED' });
  });

  it('[A8] a room that ends by itself is closed by a worker', async () => {
    const [ivan, jane] = await Promise.all([register('ivan'), register('jane')]);
    const group = { name: 'brief', kind: 'group', members: [jane.user.id], expiresIn: 600 };
    const { room } = await call<{ room: string }>('POST', '/rooms', group, ivan.token);
    const his = await connect(ivan, 0);
    await his.join(room);
    await call('PATCH', `/rooms/${room}`, { expiresIn: 1 }, ivan.token);
    expect(await his.waitFor('room_closed', () => true, { timeoutMs: 30_000 })).toMatchObject({ room, reason: 'expired' });
  });

  it('a person who opens the port of a gateway reads that nothing is there, a program gets JSON', async () => {
    const address = hub
      .gateway(0)
      .url.replace(/^ws/, 'http')
      .replace(/\/ws\/.*/, '/');
    const page = await fetch(address, { headers: { accept: 'text/html,*/*;q=0.8', 'accept-language': 'zh-CN,en;q=0.5' } });
    expect([page.status, page.headers.get('content-type'), page.headers.get('vary')]).toEqual([
      404,
      'text/html; charset=utf-8',
      'accept, accept-language',
    ]);
    const html = await page.text();
    expect(html).toContain('<html lang="zh-Hans">');
    expect(html).toContain('<h1>这里什么也没有</h1>');
    // This port has no style sheet and no start page.
    expect(html).not.toContain('href=');
    const program = await fetch(address, { headers: { accept: '*/*' } });
    expect([program.status, await program.json()]).toEqual([404, { code: 'NOT_FOUND', message: 'this port serves WebSockets only' }]);
  });

  it('[A13] the admin pages are behind their password, on the admin port of the API', async () => {
    const admin = (path: string, password?: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${api.adminPort}${path}`, {
        headers: password === undefined ? {} : { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` },
      });
    expect((await admin('/admin/api/nodes')).status).toBe(401);
    expect((await admin('/admin/queues', 'wrong')).status).toBe(401);
    const ids = hub.gateways.map((gateway) => gateway.node).sort();
    await until(async () => {
      const { nodes } = (await (await admin('/admin/api/nodes', PASSWORD)).json()) as { nodes: { id: string }[] };
      return JSON.stringify(nodes.map(({ id }) => id).sort()) === JSON.stringify(ids);
    });
    expect((await admin('/admin/queues', PASSWORD)).status).toBe(200);
    expect((await fetch(`${api.url}/admin/api/nodes`)).status).toBe(404);
  });

  it('no log has a token, a code, a mail address or a text in it', async () => {
    const kate = await register('kate');
    const client = await connect(kate, 0);
    await client.join('park');
    await client.message('park', 'a text that is nobody’s business');
    const code = smtp.mails.at(-1)?.code ?? 'no code';
    const logs = [api.output, worker.output, ...hub.gateways.map((gateway) => gateway.output)].join('\n');
    for (const secret of [kate.token, kate.refresh, code, 'kate@example.com', 'nobody’s business', KEY])
      expect(logs.includes(secret)).toBe(false);
    for (const process of [hub.gateway(0).adminUrl, `http://127.0.0.1:${api.adminPort}`, `http://127.0.0.1:${worker.adminPort}`]) {
      const metrics = await (await fetch(`${process}/metrics`)).text();
      for (const secret of [kate.user.id, 'kate', code]) expect(metrics.includes(secret)).toBe(false);
    }
  });
});
