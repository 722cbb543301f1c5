import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '#libs/store/store-postgres.ts';
import { METRICS } from '#libs/telemetry/metric-table.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { Samples, scrape } from '#test/support/metric-samples.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const LIMITS = {
  FRAME_RATE: '5000',
  USER_BYTES_PER_SECOND: '0',
  PINGS_PER_SECOND: '7',
  HISTORY_PAGES_PER_SECOND: '11',
  NEW_ROOMS_PER_MINUTE: '6000',
  HANDSHAKES_PER_MINUTE: '12000',
  CONNECTIONS_PER_USER: '13',
  CONNECTIONS_PER_ADDRESS: '17',
  DRAIN_SECONDS: '19',
};
let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { MESSAGE_MAX_CHARS: '20000', FRAME_MAX_BYTES: '262144', ...LIMITS } });
  smtp = await SmtpServer.start();
  const settings = { ...hub.settings, SMTP_URL: `smtp://127.0.0.1:${smtp.port}` };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
});
afterEach(() => hub.clear());
afterAll(async () => {
  await worker?.kill9();
  await api?.kill9();
  await smtp?.stop();
  await hub?.stop();
});

const gateway = (index = 0): Promise<Samples> => scrape(hub.gateway(index).adminPort);

/** How much a metric of a gateway grew while `act` ran. */
async function growth(act: () => Promise<unknown>, name: string, ...labels: string[]): Promise<number> {
  const before = (await gateway()).value(name, ...labels) ?? 0;
  await act();
  return ((await gateway()).value(name, ...labels) ?? 0) - before;
}

/** What `promtool check metrics` has against a text. */
function promtool(text: string): Promise<{ readonly error: Error | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => resolve({ error, output: stdout + stderr }));
    child.stdin?.end(text);
  });
}

/** Holds tables of the hub's database locked until the returned function is called. */
async function lock(...tables: string[]): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: hub.database.url });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`);
  return async () => {
    await client.query('ROLLBACK');
    await client.end();
  };
}

/** A group of these users, made in the store. */
async function group(keepHistory: boolean, ...members: string[]): Promise<string> {
  const store = await openStore({ url: hub.database.url });
  const room = `group:${randomBytes(16).toString('base64url').slice(0, 22)}`;
  const owner = members[0] ?? '';
  await store.rooms.create(
    { room, kind: 'group', title: '', owner, keepHistory, createdAt: Date.now(), expiresAt: undefined },
    members.map((id) => ({ id, name: id })),
  );
  for (const user of members) store.seen.touch({ user, name: user, kind: 'user', lastSeen: Date.now() });
  await store.close();
  return room;
}

describe('the metrics of gateway, API and worker', () => {
  it('have no fault of promtool, Node’s own included', async () => {
    for (const { text } of [await gateway(), await scrape(api.adminPort), new Samples(await worker.metrics())]) {
      expect(await promtool(text)).toEqual({ error: null, output: '' });
      for (const { name, help } of METRICS) expect(text).toContain(`# HELP ${name} ${help}\n`);
    }
  });

  it('are shown by the processes that have them', async () => {
    // On a machine that is busy a statement may be late, and the store is away for a moment.
    for (const read of [() => gateway(), () => scrape(api.adminPort), async () => new Samples(await worker.metrics())]) {
      await until(async () => {
        const samples = await read();
        return ['parley_ready', 'parley_redis_up', 'parley_store_up'].every((up) => samples.value(up) === 1);
      });
    }
    const [ofGateway, ofApi, ofWorker] = [await gateway(), await scrape(api.adminPort), new Samples(await worker.metrics())];
    const has = (samples: Samples, name: string): boolean => samples.names().has(name);
    for (const name of ['parley_ack_seconds_count', 'parley_sessions', 'parley_outbox_bytes', 'parley_rate_limit_per_second'])
      expect([ofGateway, ofApi, ofWorker].map((samples) => has(samples, name))).toEqual([true, false, false]);
    expect([ofGateway, ofApi, ofWorker].map((samples) => has(samples, 'parley_api_rate_limited_total'))).toEqual([false, true, false]);
    for (const samples of [ofGateway, ofApi, ofWorker]) {
      expect(samples.value('parley_memory_max_bytes')).toBeGreaterThan(samples.value('process_resident_memory_bytes') ?? 0);
      expect(samples.value('parley_heap_max_bytes')).toBeGreaterThan(samples.value('nodejs_heap_size_used_bytes') ?? 0);
      expect(samples.value('process_max_fds')).toBeGreaterThan(samples.value('process_open_fds') ?? 0);
    }
  });

  it('have the limits that are set', async () => {
    const samples = await gateway();
    const rate = (limit: string) => samples.value('parley_rate_limit_per_second', `limit="${limit}"`);
    expect(['frames', 'bytes', 'pings', 'history', 'rooms', 'handshakes'].map(rate)).toEqual([5000, 0, 7, 11, 100, 200]);
    const most = (client: string) => samples.value('parley_connections_per_client_max', `client="${client}"`);
    expect(['user', 'address'].map(most)).toEqual([13, 17]);
    expect(samples.value('parley_drain_max_seconds')).toBe(19);
    expect(samples.value('parley_outbox_max_bytes')).toBe(1024 * 1024);
    expect(samples.value('parley_messages_in_flight_max')).toBe(4096);
    const queues = ['messages', 'events', 'cursors'].map((queue) => samples.value('parley_store_queue_max', `queue="${queue}"`));
    expect(Math.min(...queues.map(Number))).toBeGreaterThan(0);
    const pools = ['general', 'messaging', 'following'].map((pool) => samples.value('parley_store_connections_max', `pool="${pool}"`));
    expect(pools).toEqual([6, 6, 2]);
  });
});

describe('a message', () => {
  it.each([
    ['park', 'history', 'park'],
    ['live:metrics', 'none', 'live'],
    ['metrics', 'stream', 'open'],
  ])('of %s is seen from its frame to its ack, and from there to the sockets of each node', async (room, retention, kind) => {
    const [ada, bob] = [await hub.client('ada', 0), await hub.client('bob', 1)];
    await ada.join(room);
    await bob.join(room);
    const labels = [`retention="${retention}"`, `room_kind="${kind}"`];
    const [before, other] = [await gateway(), await gateway(1)];
    await ada.message(room, 'hello');
    await bob.waitFor('message', (frame) => frame.room === room);
    const after = await gateway();
    const grown = (name: string, ...of: string[]) => (after.value(name, ...of) ?? 0) - (before.value(name, ...of) ?? 0);
    expect(grown('parley_ack_seconds_count', ...labels)).toBe(1);
    expect(grown('parley_ack_seconds_count')).toBe(1);
    expect(grown('parley_ack_seconds_sum', ...labels)).toBeGreaterThan(0);
    expect(grown('parley_message_answers_total', `retention="${retention}"`, 'result="acked"')).toBe(1);
    expect(grown('parley_delivery_latency_seconds_count', `room_kind="${kind}"`)).toBe(1);
    const there = await gateway(1);
    const delivered = (samples: Samples) => samples.value('parley_delivery_latency_seconds_count', `room_kind="${kind}"`) ?? 0;
    expect(delivered(there) - delivered(other)).toBe(1);
    const command = retention === 'none' ? 'PUBLISH' : 'publish';
    expect(grown('parley_redis_command_seconds_count', `command="${command}"`)).toBeGreaterThan(0);
    const stored = grown('parley_store_statement_seconds_count', 'statement="insert messages"');
    expect(stored > 0).toBe(retention === 'history');
    if (stored > 0) expect(grown('parley_store_wait_seconds_count', 'pool="messaging"')).toBeGreaterThan(0);
  });

  it('of a private room is seen as well', async () => {
    const [ada, bob] = [hub.name('ada'), hub.name('bob')];
    await group(true, ada, bob);
    const [hers, his] = [await hub.client(ada, 0), await hub.client(bob, 1)];
    await his.waitFor('offline_messages_complete');
    const sent = (): Promise<unknown> => hers.request({ type: 'message', to: bob, text: 'psst' });
    const delivered = async () => (await gateway(1)).value('parley_delivery_latency_seconds_count', 'room_kind="dm"') ?? 0;
    const before = await delivered();
    expect(await growth(sent, 'parley_ack_seconds_count', 'retention="history"', 'room_kind="dm"')).toBe(1);
    await his.waitFor('message');
    expect(await delivered()).toBe(before + 1);
  });

  it('that is refused counts as the sender’s fault', async () => {
    const ada = await hub.client('ada');
    await ada.join('park');
    const send = (): Promise<void> => expect(ada.message('park', 'x'.repeat(20_001))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LONG' });
    expect(await growth(send, 'parley_message_answers_total', 'result="refused"')).toBe(1);
  });
});

describe('a connection', () => {
  it('is seen from its request to its welcome, by the kind of its user', async () => {
    const before = await gateway();
    for (const kind of ['user', 'guest', 'customer', 'agent', 'robot']) await hub.client(hub.name(kind), 0, { claims: { kind } });
    await expect(hub.client('mallory', 0, { token: 'none' })).rejects.toThrow();
    const after = await gateway();
    const grown = (name: string, ...of: string[]) => (after.value(name, ...of) ?? 0) - (before.value(name, ...of) ?? 0);
    expect(grown('parley_handshake_seconds_count', 'result="accepted"')).toBe(5);
    expect(grown('parley_handshake_seconds_count', 'result="refused"')).toBe(1);
    expect(grown('parley_welcome_seconds_count')).toBe(5);
    const sessions = (kind: string) => after.value('parley_sessions', `kind="${kind}"`);
    expect(['user', 'guest', 'customer', 'agent', 'service', 'other'].map(sessions)).toEqual([1, 1, 1, 1, 0, 1]);
  });

  it('joins, recovers, or is told of a loss, by the kind of room', async () => {
    const [ada, bob] = [await hub.client('ada'), await hub.client('bob')];
    const join = async (): Promise<void> => {
      await ada.join('recovering');
    };
    expect(await growth(join, 'parley_join_seconds_count', 'room_kind="open"')).toBe(1);
    const { message } = await ada.message('recovering', 'one');
    const { epoch = '' } = await bob.join('recovering', { epoch: '', offset: 0 });
    expect((await gateway()).value('parley_recovery_seconds_count', 'result="lost"', 'room_kind="open"')).toBe(1);
    await bob.leave('recovering');
    const since = { epoch, offset: (message as { offset: number }).offset };
    const back = (): Promise<unknown> => bob.join('recovering', since);
    expect(await growth(back, 'parley_recovery_seconds_count', 'result="recovered"', 'room_kind="open"')).toBe(1);
    expect(await growth(async () => undefined, 'parley_join_seconds_count')).toBe(0);
  });

  it('that does not read has bytes in its outbox', async () => {
    const ada = await hub.client('ada');
    const deaf = await RawClient.open(`${hub.gateway(0).url}/ws/chat`, { token: signToken({ sub: 'deaf' }) });
    deaf.send(JSON.stringify({ type: 'join', room: 'live:flood' }));
    await ada.join('live:flood');
    await until(() => ada.roomOnline.get('live:flood') === 2);
    deaf.socket.pause();
    const text = '💧'.repeat(10_000);
    let samples = await gateway();
    // The kernel takes some megabytes first. Four messages are far below the limit of the outbox.
    for (let waiting = 0; waiting === 0; waiting = samples.value('parley_outbox_bytes') ?? 0) {
      await Promise.all(Array.from({ length: 4 }, () => ada.message('live:flood', text)));
      samples = await gateway();
    }
    expect(samples.value('parley_outbox_largest_bytes')).toBe(samples.value('parley_outbox_bytes'));
    deaf.reset();
    await until(async () => (await gateway()).value('parley_outbox_bytes') === 0);
  });
});

describe('the API', () => {
  it('is seen by route and class of status, with what its limits refuse', async () => {
    const post = (path: string, body: object): Promise<Response> =>
      fetch(`${api.url}/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const account = 'ada@example.com';
    await post('/auth/code', { account });
    const verified = await post('/auth/verify', { account, code: (await smtp.next(account)).code });
    const { registration } = (await verified.json()) as { registration: string };
    expect((await post('/auth/register', { registration, name: 'Ada' })).status).toBe(201);
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) statuses.push((await post('/auth/code', { account })).status);
    expect(statuses.at(-1)).toBe(429);
    await post('/auth/verify', { account, code: 'wrong' });
    await post('/public/login', { username: 'nobody', password: 'wrong' });
    await post('/guests', { name: 'Guest' });
    await post('/customers', { name: 'Cy', channel: 'shop' });
    await post('/guests', {});
    const here = hub.name('unknown');
    await fetch(`${api.url}/api/v1/nothing/${here}`);
    await fetch(`${api.url}/`);
    const samples = await scrape(api.adminPort);
    const seen = (...labels: string[]) => samples.value('parley_api_request_seconds_count', ...labels);
    expect(seen('route="POST /api/v1/auth/code"', 'status="2xx"')).toBe(5);
    expect(seen('route="POST /api/v1/auth/code"', 'status="4xx"')).toBe(1);
    expect(seen('route="none"', 'status="4xx"')).toBe(1);
    expect(samples.value('parley_api_rate_limited_total', 'limit="codePerAccountAndAddress"')).toBe(1);
    expect(samples.text).not.toContain(here);
    const logins = [...samples.text.matchAll(/^parley_logins_total\{method="(\w+)",result="(\w+)"\} ([1-9]\d*)$/gm)];
    expect(logins.map(([, method, result, count]) => `${method} ${result} ${count}`).sort()).toEqual([
      'agent failed 1',
      'code accepted 1',
      'code failed 1',
      'customer refused 1',
      'guest refused 1',
      'registration accepted 1',
    ]);
    expect(samples.text).toContain('parley_logins_total{method="guest",result="accepted"} 0');
    // `next` has taken the first one.
    await until(() => smtp.mails.length === 4);
    await until(async () => new Samples(await worker.metrics()).value('parley_job_duration_seconds_count', 'queue="mail"') === 5);
    expect(new Samples(await worker.metrics()).value('parley_mail_attempts_total', 'result="sent"')).toBe(5);
  });
});

describe('a backend in trouble', () => {
  it('a locked table shows as feeds that lag, as queues, and as connections that are busy', async () => {
    const ada = await hub.client('ada');
    await ada.join('park');
    expect((await gateway()).value('parley_revocation_lag_seconds')).toBeLessThan(2);
    const unlock = await lock('sanctions', 'events', 'messages');
    try {
      const answers: Promise<unknown>[] = [];
      // Each in a group of its own: two groups that are written hold up the next ones.
      await until(async () => {
        answers.push(ada.message('park', 'locked').catch(() => undefined));
        const samples = await gateway();
        const [inFlight, busy, queued] = [
          samples.value('parley_messages_in_flight', 'lane="stored"'),
          samples.value('parley_store_connections', 'pool="messaging"', 'state="busy"'),
          samples.value('parley_store_queue', 'queue="messages"'),
        ];
        return Math.min(Number(inFlight), Number(busy), Number(queued)) > 0;
      });
      await until(async () => {
        const samples = await gateway();
        return (samples.value('parley_revocation_lag_seconds') ?? 0) > 2 && (samples.value('parley_room_events_lag_seconds') ?? 0) > 2;
      });
      await Promise.all(answers);
    } finally {
      await unlock();
    }
    await until(async () => {
      const samples = await gateway();
      const lags = [samples.value('parley_revocation_lag_seconds'), samples.value('parley_room_events_lag_seconds')];
      return lags.every((lag) => lag !== undefined && lag < 2) && samples.value('parley_store_queue') === 0;
    });
    expect((await gateway()).value('parley_message_answers_total', 'retention="history"', 'result="failed"')).toBeGreaterThan(0);
  });

  it('a Redis that is away, and then has lost everything, shows in the state of the link and as a restore', async () => {
    await hub.client('ada');
    const restores = (await gateway()).value('parley_presence_restores_total') ?? 0;
    hub.backend.pause();
    try {
      await until(async () => (await gateway()).value('parley_redis_up') === 0);
      await until(async () => (await gateway()).value('parley_ready') === 0);
    } finally {
      hub.backend.resume();
    }
    await hub.backend.restartEmpty();
    await until(async () => ((await gateway()).value('parley_presence_restores_total') ?? 0) > restores);
    await until(async () => {
      const samples = await gateway();
      return samples.value('parley_redis_up') === 1 && samples.value('parley_ready') === 1;
    });
  });
});
