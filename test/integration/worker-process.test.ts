import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it, type TestContext } from 'vitest';
import type { BrokerListener } from '#libs/broker/broker.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import { queueLoginMail, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { JobsBullmq } from '#libs/jobs/jobs-bullmq.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import { MessageArchive } from '#libs/messages/message-archive.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { buildFrame, messageTail } from '#libs/protocol/server-frame.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { JWT_SECRET } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { PresenceNode } from '#test/support/presence-node.ts';
import { dumpRedis } from '#test/support/redis-dump.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const HOUR = 3_600_000;
const PREFIX = 'worker-test';
/** A dead worker's job is taken within lock and look of another one; on a busy machine later. */
const TAKEN_OVER = { timeoutMs: 90_000 };

/** Redis, Postgres and a mail server, with what an API process has of them. */
class Stage {
  readonly redis: RedisServer;
  readonly smtp: SmtpServer;
  readonly database: PostgresDatabase;
  readonly store: Store;
  readonly jobs: JobsBullmq;
  readonly broker: BrokerRedis;
  readonly seal = new MailSeal(JWT_SECRET);
  readonly signals: string[] = [];
  readonly #cleanups: (() => unknown)[];

  private constructor(
    redis: RedisServer,
    smtp: SmtpServer,
    database: PostgresDatabase,
    store: Store,
    jobs: JobsBullmq,
    broker: BrokerRedis,
    cleanups: (() => unknown)[],
  ) {
    this.redis = redis;
    this.smtp = smtp;
    this.database = database;
    this.store = store;
    this.jobs = jobs;
    this.broker = broker;
    this.#cleanups = cleanups;
  }

  /** Ends with the test, with all of its workers. */
  static async open({ onTestFinished }: TestContext): Promise<Stage> {
    const cleanups: (() => unknown)[] = [];
    onTestFinished(async () => {
      for (const cleanup of cleanups.reverse()) await cleanup();
    });
    const [redis, smtp, database] = await Promise.all([RedisServer.start(), SmtpServer.start(), PostgresDatabase.create()]);
    cleanups.push(
      () => redis.stop(),
      () => smtp.stop(),
      () => database.drop(),
    );
    const store = await openStore({ url: database.url });
    cleanups.push(() => store.close());
    const link = RedisLink.open(redis.url, { prefix: PREFIX, log: LOG });
    await link.ready(20_000);
    const jobs = new JobsBullmq(link, { log: LOG });
    const broker = new BrokerRedis(link, { archive: new MessageArchive(store.messages) });
    cleanups.push(
      () => link.close(),
      () => broker.close(),
      () => jobs.close(),
    );
    const stage = new Stage(redis, smtp, database, store, jobs, broker, cleanups);
    const ear: BrokerListener = {
      publication: () => undefined,
      signal: (topic, payload) => void stage.signals.push(`${topic} ${Buffer.from(payload).toString()}`),
      reset: () => undefined,
      healed: () => undefined,
      connectivity: () => undefined,
    };
    await broker.start(ear);
    for (const user of ['u-ann', 'u-bob']) await broker.subscribeUser(user);
    return stage;
  }

  get env(): Record<string, string> {
    return {
      REDIS_URL: this.redis.url,
      REDIS_PREFIX: PREFIX,
      DATABASE_URL: this.database.url,
      SMTP_URL: this.smtp.url,
      MAIL_FROM: 'parley@hub.test',
    };
  }

  async worker(env: Record<string, string> = {}): Promise<WorkerProcess> {
    const worker = await WorkerProcess.start({ ...this.env, ...env });
    this.#cleanups.push(() => worker.kill9());
    return worker;
  }

  /** A node that takes part in presence. */
  async presence(): Promise<PresenceNode> {
    const link = RedisLink.open(this.redis.url, { prefix: PREFIX, log: LOG });
    const presence = new PresenceRedis(link, { node: 'test' });
    this.#cleanups.push(
      () => link.close(),
      () => presence.close(),
    );
    return new PresenceNode(presence).start();
  }

  async pair(expiresAt: number): Promise<string> {
    const room = `pair:${randomBytes(16).toString('base64url')}`;
    const members = [
      { id: 'u-ann', name: 'Ann' },
      { id: 'u-bob', name: 'Bob' },
    ];
    await this.store.rooms.create(
      { room, kind: 'pair', title: '', owner: '', keepHistory: false, createdAt: Date.now(), expiresAt },
      members,
    );
    return room;
  }

  async told(room: string): Promise<void> {
    for (const user of ['u-ann', 'u-bob']) {
      await until(() => this.signals.includes(`u:${user} ${buildFrame('room_closed', { room, reason: 'expired' })}`), {
        ...TAKEN_OVER,
        describe: () => `${user} told\n${this.signals.join('\n')}`,
      });
    }
  }

  mail(to: string, code: string): Promise<void> {
    return queueLoginMail(this.jobs, this.seal, randomUUID(), { to, code, expiresAt: Date.now() + 600_000 });
  }
}

describe('a worker process', { timeout: 180_000 }, () => {
  // Beside each other: most of their time BullMQ waits for the lock of a dead worker.
  it.concurrent('[A9] killed after it closed a room: another one tells the members, and does not close again', async (context) => {
    const stage = await Stage.open(context);
    const first = await stage.worker({ FAIL_POINTS: 'after-room-close=kill' });
    const room = await stage.pair(Date.now());
    await scheduleExpiry(stage.jobs, room, Date.now(), Date.now());
    expect((await first.exited).signal).toBe('SIGKILL');
    const closed = await stage.store.rooms.get(room);
    expect(closed?.closedReason).toBe('expired');
    expect(stage.signals.filter((signal) => signal.includes('room_closed'))).toEqual([]);
    await stage.worker();
    await stage.told(room);
    expect((await stage.store.rooms.get(room))?.closedAt).toBe(closed?.closedAt);
    await until(async () => (await stage.jobs.counts())['room-expiry'].active === 0, TAKEN_OVER);
  });

  it.concurrent('[A1] killed after it sent a mail: another one sends it again, as the same mail', async (context) => {
    const stage = await Stage.open(context);
    const first = await stage.worker({ FAIL_POINTS: 'after-mail-sent=kill' });
    await stage.mail('bob@corp.test', 'aB3xY9');
    const sent = await stage.smtp.next('bob@corp.test', TAKEN_OVER.timeoutMs);
    expect((await first.exited).signal).toBe('SIGKILL');
    const second = await stage.worker();
    const again = await stage.smtp.next('bob@corp.test', TAKEN_OVER.timeoutMs);
    expect(again.headers.get('message-id')).toBe(sent.headers.get('message-id'));
    expect(again.code).toBe('aB3xY9');
    await until(async () => (await stage.jobs.counts()).mail.active === 0, TAKEN_OVER);
    await until(async () => (await second.metrics()).includes('parley_jobs_stalled_total{queue="mail"} 1'), TAKEN_OVER);
  });

  it.concurrent('[P1] of two that report observed events one counts; killed, the other one goes on', async (context) => {
    const stage = await Stage.open(context);
    const workers = [await stage.worker({ OBSERVED_EVENTS: 'on' }), await stage.worker({ OBSERVED_EVENTS: 'on' })];
    const node = await stage.presence();
    const counts = (kind: string): Promise<number[]> =>
      Promise.all(
        workers.map(async (worker) => {
          const [, count = ''] = new RegExp(`observed_events_total\\{kind="${kind}"\\} (\\d+)`).exec(await worker.metrics()) ?? [];
          return Number(count);
        }),
      );
    await node.connect('tab', 'ann');
    await node.enter('park', 'ann');
    await until(async () => (await counts('online')).includes(1), TAKEN_OVER);
    const [first] = workers.splice((await counts('online')).indexOf(1), 1);
    expect([await counts('online'), await counts('occupied')]).toEqual([[0], [0]]);
    await first?.kill9();
    await node.disconnect('tab');
    await until(async () => (await counts('offline'))[0] === 1, TAKEN_OVER);
    expect([await counts('online'), await counts('occupied'), await counts('vacated')]).toEqual([[0], [0], [0]]);
  });

  it.concurrent('killed at any moment, over and over: every job is done', async (context) => {
    const stage = await Stage.open(context);
    const rooms: string[] = [];
    for (let i = 0; i < 60; i++) {
      const room = await stage.pair(Date.now() + 100 * i);
      rooms.push(room);
      await scheduleExpiry(stage.jobs, room, Date.now() + 100 * i, Date.now());
    }
    for (const pass of [3, 6, 9]) {
      const worker = await stage.worker({ FAIL_POINTS: `after-room-close@${pass}=kill` });
      expect((await worker.exited).signal).toBe('SIGKILL');
    }
    await stage.worker();
    for (const room of rooms) await stage.told(room);
    for (const room of rooms) expect((await stage.store.rooms.get(room))?.closedReason).toBe('expired');
  });

  it('SIGTERM in the middle of a mail: it is finished, then the process ends with 0', async (context) => {
    const stage = await Stage.open(context);
    const worker = await stage.worker();
    let begun = false;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    stage.smtp.hold = () => {
      begun = true;
      return held;
    };
    await stage.mail('bob@corp.test', 'aB3xY9');
    await until(() => begun, TAKEN_OVER);
    const ended = worker.term();
    await until(() => worker.output.includes('"draining"'), TAKEN_OVER);
    release();
    expect(await ended).toBe(0);
    expect(stage.smtp.mails).toHaveLength(1);
    const { waiting, active, delayed } = (await stage.jobs.counts()).mail;
    expect(waiting + active + delayed).toBe(0);
  });

  it('jobs lost with Redis: rooms that are overdue are closed all the same', async (context) => {
    const stage = await Stage.open(context);
    const room = await stage.pair(Date.now() + 2500);
    const later = await stage.pair(Date.now() + HOUR);
    for (const one of [room, later]) await scheduleExpiry(stage.jobs, one, (await stage.store.rooms.get(one))?.expiresAt, Date.now());
    await stage.worker();
    await stage.redis.command('FLUSHALL');
    await stage.told(room);
    expect((await stage.store.rooms.get(later))?.closedAt).toBeUndefined();
    // A worker that starts puts back what is missing of those that end soon.
    await stage.redis.command('FLUSHALL');
    await stage.store.rooms.update(later, { expiresAt: Date.now() + 170_000 }, Date.now());
    await stage.worker();
    await until(async () => (await stage.jobs.counts())['room-expiry'].delayed === 1, TAKEN_OVER);
  });

  it('[M1] what a gateway published and did not live to store is stored', async (context) => {
    const stage = await Stage.open(context);
    const sender = JSON.stringify({ id: 'u-ann', name: 'Ann' });
    const ids = Array.from({ length: 120 }, () => randomBytes(16).toString('base64url'));
    for (const [i, id] of ids.entries()) {
      const at = Date.now() - 10_000;
      const tail = messageTail('park', id, sender, `text ${i}`, undefined, at);
      const { offset, epoch } = await stage.broker.publish({ room: 'park', tail, key: id, at });
      if (i % 3 === 0)
        await stage.store.messages.append({ room: 'park', offset, epoch, id, sender, text: `text ${i}`, data: undefined, at });
    }
    await Promise.all([stage.worker(), stage.worker()]);
    await until(async () => (await stage.store.messages.after('park', 0, 500)).length === 120, TAKEN_OVER);
    expect((await stage.store.messages.after('park', 0, 500)).map(({ id }) => id)).toEqual(ids);
  });

  it('[A1] no address and no code is in Redis or in its log, whatever becomes of the mail; metrics count', async (context) => {
    const stage = await Stage.open(context);
    const worker = await stage.worker({ LOG_LEVEL: 'trace' });
    const texts: string[] = [];
    stage.smtp.refuse();
    await stage.mail('secret.bob@corp.test', 'Zq7Wx9');
    await until(async () => (await stage.jobs.counts()).mail.failed === 1, TAKEN_OVER);
    texts.push(await dumpRedis(stage.redis.port));
    stage.smtp.defer(1);
    await stage.mail('secret.bob@corp.test', 'Zq7Wx9');
    await stage.smtp.next('secret.bob@corp.test', TAKEN_OVER.timeoutMs);
    await stage.smtp.goAway();
    await stage.mail('secret.bob@corp.test', 'Zq7Wx9');
    await until(async () => (await stage.jobs.counts()).mail.delayed === 1, TAKEN_OVER);
    texts.push(await dumpRedis(stage.redis.port));
    await stage.smtp.comeBack();
    await stage.smtp.next('secret.bob@corp.test', TAKEN_OVER.timeoutMs);
    await until(async () => (await stage.jobs.counts()).mail.active === 0, TAKEN_OVER);
    texts.push(await dumpRedis(stage.redis.port));
    const metrics = await worker.metrics();
    expect(metrics).toContain('parley_jobs{queue="mail",state="failed"} 1');
    expect(metrics).toContain('parley_jobs_failed_total{queue="mail"} 1');
    expect(await worker.term()).toBe(0);
    expect(worker.output).toContain('job failed');
    for (const text of [...texts, worker.output, metrics]) {
      expect(text.toLowerCase()).not.toContain('secret.bob');
      expect(text).not.toContain('Zq7Wx9');
      expect(text).not.toContain(JWT_SECRET);
    }
  });

  it('does not start without what it needs, and says what', async () => {
    const { child } = WorkerProcess.launch({});
    expect((await child.exited).code).toBe(1);
    for (const name of ['REDIS_URL', 'DATABASE_URL', 'SMTP_URL']) expect(child.output).toContain(`${name} is not set`);
  });
});
