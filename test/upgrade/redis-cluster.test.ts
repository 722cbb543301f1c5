/** The hub moves from one Redis to a Redis Cluster, as docs/redis-cluster.md says. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { Child } from '#test/support/child.ts';
import { Crowd } from '#test/support/crowd.ts';
import { signToken } from '#test/support/jwt.ts';
import { Random } from '#test/support/random.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { StoredStage } from '#test/support/stored-stage.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const EVERY_MS = 150;
const STEP = 80;
const PATIENCE = { timeoutMs: 60_000 };
/** The account whose mail waits while no worker runs. */
const ACCOUNT = 'moving@example.com';
const random = Random.fromEnvironment('redis cluster');

let stage: StoredStage;
let cluster: RedisCluster;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
let crowd: Crowd;
TestHub.showLogs(() => stage?.hub);

beforeAll(async () => {
  [stage, cluster, smtp] = await Promise.all([StoredStage.open({ random, writers: 10 }), RedisCluster.start(), SmtpServer.start()]);
  [api, worker] = await Promise.all([ApiProcess.start(settings()), WorkerProcess.start(settings())]);
  crowd = await Crowd.gather({
    room: 'room-with-a-stream',
    random,
    on: Array.from({ length: 6 }, (_, i) => stage.hub.gateway(i % 2)),
    back: () => random.pick(stage.hub.living).url,
  });
});
afterAll(async () => {
  await crowd?.close();
  await Promise.all([api?.kill9(), worker?.kill9()]);
  await stage?.close();
  await Promise.all([cluster?.stop(), smtp?.stop()]);
});

const settings = (more: Readonly<Record<string, string>> = {}) => ({ ...stage.hub.settings, SMTP_URL: smtp.url, ...more });
const onCluster = () => ({ REDIS_URL: cluster.url });

async function migrate(): Promise<{ readonly code: number | null; readonly output: string }> {
  const env = { PATH: process.env['PATH'], ...settings({ ...onCluster(), PREVIOUS_REDIS_URL: stage.redis.url }) };
  const child = new Child(process.execPath, ['services/migrate/main.ts'], { env });
  return { code: (await child.exited).code, output: child.output };
}

it('[M1] [M3] [M6] nothing acked in a room with history is lost, all are told, jobs are carried over', async () => {
  const { writers, hub, redis } = stage;
  const joined = stage.rooms.filter((room) => !isPrivateRoom(room));
  await (await hub.client('ada')).close();
  const eve = await hub.client('eve');
  writers.talk('before', EVERY_MS);
  crowd.talk(EVERY_MS);
  await Promise.all([writers.progress(STEP), crowd.progress(STEP)]);
  await eve.request({ type: 'message', to: 'ada', text: 'it waits' });

  // A mail that waits, and the end of a room in an hour.
  expect(await worker.term()).toBe(0);
  expect((await api.post('/auth/code', { account: ACCOUNT })).status).toBe(202);
  const bearer = { authorization: `Bearer ${signToken({ sub: 'eve', kind: 'user' })}` };
  const group = await api.post('/rooms', { name: 'g', kind: 'group', expiresIn: 3600 }, bearer);
  expect(group.status, await group.clone().text()).toBe(201);
  const { room } = (await group.json()) as { readonly room: string };

  const refused = await migrate();
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('stop all of them first');
  // People write to the very end: who gets no ack sends again.
  await eve.close();
  await Promise.all([stage.leave(), api.stop()]);
  const moved = await migrate();
  expect(moved.code, moved.output).toBe(0);
  expect(moved.output).toContain('2 queued jobs of the Redis before were moved');
  await redis.kill();

  [api, worker] = await Promise.all([
    ApiProcess.start(settings(onCluster())),
    WorkerProcess.start(settings(onCluster())),
    stage.add(onCluster()),
    stage.add(onCluster()),
  ]);
  const mail = await smtp.next(ACCOUNT, 60_000);
  expect((await api.post('/auth/verify', { account: ACCOUNT, code: mail.code })).status).toBe(200);
  const jobs = await until(
    async () => (await worker.metrics()).match(/parley_jobs\{queue="room-expiry",state="delayed"\} (\d+)/)?.[1],
    PATIENCE,
  );
  expect(jobs).toBe('1');
  expect((await api.get(`/api/v1/rooms/${room}`, bearer)).status).toBe(200);

  await Promise.all([writers.progress(STEP), crowd.progress(STEP)]);
  expect(await stage.faults()).toEqual([]);
  await crowd.rest();
  expect(crowd.compare()).toMatchObject({ violations: [], told: crowd.clients.length });
  const told = writers.clients.flatMap(({ ledger }) => joined.map((name) => ledger.told(name)));
  expect(told).toEqual(told.map(() => 1));
  const ada = await hub.client('ada', 2);
  await ada.waitFor('offline_messages_complete');
  expect(ada.of('offline_message').map((frame) => messageOf(frame).text)).toEqual(['it waits']);
});
