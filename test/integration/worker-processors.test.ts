import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerListener } from '#libs/broker/broker.ts';
import { DEFAULT_BROKER_LIMITS } from '#libs/broker/broker-limits.ts';
import { BrokerMemory } from '#libs/broker/broker-memory.ts';
import { MemorySpace } from '#libs/broker/memory-space.ts';
import { scheduleExpiry } from '#libs/jobs/expiry-schedule.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { queueLoginMail } from '#libs/jobs/login-mail.ts';
import { DevMailbox } from '#libs/mail/dev-mailbox.ts';
import { MailSeal } from '#libs/mail/mail-seal.ts';
import type { Mailer } from '#libs/mail/mailer.ts';
import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { messageTail, roomClosed } from '#libs/protocol/server-frame.ts';
import type { MadeRoomKind, Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { type RunningWorker, startWorker, type WorkerPace } from '#services/worker/worker.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { until } from '#test/support/wait.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const SECRET = 'the secret of these tests, which is long enough';
const HOUR = 3_600_000;
/** Nothing comes round but what a test asks for. */
const STILL: WorkerPace = { overdueMs: HOUR, restoreMs: HOUR, streamsMs: HOUR, streamGraceMs: 0, waitingMs: HOUR, upkeepMs: HOUR };

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A store, a broker whose signals are noted, and workers on them. */
class Stage {
  readonly store: Store;
  readonly database: PostgresDatabase;
  readonly space = new MemorySpace(DEFAULT_BROKER_LIMITS);
  readonly broker = new BrokerMemory(DEFAULT_BROKER_LIMITS, this.space);
  readonly seal = new MailSeal(SECRET);
  readonly metrics = new Metrics({ version: 'test' });
  readonly signals: string[] = [];
  /** Emits that are to fail before one succeeds. */
  emitFailures = 0;

  private constructor(store: Store, database: PostgresDatabase) {
    this.store = store;
    this.database = database;
  }

  static async open(): Promise<Stage> {
    const database = await PostgresDatabase.create();
    cleanups.push(() => database.drop());
    const store = await openStore({ url: database.url });
    cleanups.push(() => store.close());
    const stage = new Stage(store, database);
    const ear: BrokerListener = {
      publication: () => undefined,
      signal: (topic, payload) => void stage.signals.push(`${topic} ${Buffer.from(payload).toString()}`),
      reset: () => undefined,
      healed: () => undefined,
      connectivity: () => undefined,
    };
    await stage.broker.start(ear);
    for (const user of ['u-ann', 'u-bob']) await stage.broker.subscribeUser(user);
    cleanups.push(() => stage.metrics.close());
    return stage;
  }

  jobs(): JobsMemory {
    return new JobsMemory({ log: LOG, observe: this.metrics.jobs, settings: { backoffMs: 20, backoffMaxMs: 100 } });
  }

  async worker(
    jobs: JobsMemory,
    more: { readonly mailer?: Mailer; readonly pace?: Partial<WorkerPace>; readonly waiting?: () => Promise<void> } = {},
  ): Promise<RunningWorker> {
    const worker = await startWorker({
      jobs,
      mailer: more.mailer ?? new DevMailbox({ print: () => undefined }),
      store: this.store,
      broker: {
        after: (room, offset, limit) => this.broker.after(room, offset, limit),
        emit: async (topic, payload) => {
          if (this.emitFailures-- > 0) throw new HubError('UNAVAILABLE');
          await this.broker.emit(topic, payload);
        },
      },
      seal: this.seal,
      waiting: more.waiting ?? (async () => undefined),
      historyDays: 0,
      metrics: this.metrics.jobs,
      log: LOG,
      now: Date.now,
      pace: { ...STILL, ...more.pace },
    });
    cleanups.push(() => worker.stop());
    return worker;
  }

  /** A room of Ann and Bob. */
  async room(kind: MadeRoomKind, expiresAt: number | undefined, keepHistory = false): Promise<string> {
    const room = `${kind}:${randomBytes(16).toString('base64url')}`;
    const members = [
      { id: 'u-ann', name: 'Ann' },
      { id: 'u-bob', name: 'Bob' },
    ];
    await this.store.rooms.create({ room, kind, title: '', owner: '', keepHistory, createdAt: Date.now(), expiresAt }, members);
    return room;
  }

  async closed(room: string): Promise<void> {
    await until(async () => (await this.store.rooms.get(room))?.closedReason === 'expired', { describe: `${room} closed` });
  }
}

describe('the mail processor', () => {
  async function mailing(): Promise<{
    stage: Stage;
    smtp: SmtpServer;
    jobs: JobsMemory;
    send: (to: string | undefined, ms?: number) => Promise<void>;
  }> {
    const stage = await Stage.open();
    const smtp = await SmtpServer.start();
    cleanups.push(() => smtp.stop());
    const jobs = stage.jobs();
    await stage.worker(jobs, { mailer: new SmtpMailer({ url: smtp.url, from: 'parley@hub.test' }) });
    const send = (to: string | undefined, ms = 600_000): Promise<void> =>
      queueLoginMail(jobs, stage.seal, randomUUID(), { to, code: 'aB3xY9', expiresAt: Date.now() + ms });
    return { stage, smtp, jobs, send };
  }

  const settled = async (jobs: JobsMemory): Promise<void> => {
    await until(async () => {
      const { waiting, active, delayed } = (await jobs.counts()).mail;
      return waiting + active + delayed === 0;
    });
  };

  it('[A1] mails the code', async () => {
    const { smtp, send } = await mailing();
    await send('bob@corp.test');
    expect(await smtp.next('bob@corp.test')).toMatchObject({ code: 'aB3xY9', to: ['bob@corp.test'], from: 'parley@hub.test' });
  });

  it('[A1] a server that defers gets the same mail again, with the same Message-ID', async () => {
    const { smtp, jobs, send } = await mailing();
    smtp.defer(2);
    await send('bob@corp.test');
    const first = await smtp.next('bob@corp.test');
    expect(smtp.attempts).toBe(3);
    await send('bob@corp.test');
    const second = await smtp.next('bob@corp.test');
    expect(first.headers.get('message-id')).toMatch(/^<[A-Za-z0-9_-]{32}@hub\.test>$/);
    expect(second.headers.get('message-id')).not.toBe(first.headers.get('message-id'));
    await settled(jobs);
    expect((await jobs.counts()).mail.failed).toBe(0);
  });

  it('[A1] a mail that is cut off in the middle has the same Message-ID when it comes', async () => {
    const { smtp, send } = await mailing();
    const seen: (string | undefined)[] = [];
    smtp.onText = (raw) => seen.push(/^message-id: (.*)$/im.exec(raw)?.[1]?.trim());
    smtp.hangUp(1);
    await send('bob@corp.test');
    await smtp.next('bob@corp.test');
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
  });

  it('[A1] a refusal is not tried again, and is kept without address and code', async () => {
    const { stage, smtp, jobs, send } = await mailing();
    smtp.refuse();
    await send('bob@corp.test');
    await until(async () => (await jobs.counts()).mail.failed === 1);
    expect(smtp.attempts).toBe(1);
    expect(await stage.metrics.text()).toContain('parley_jobs_failed_total{queue="mail"} 1');
  });

  it('[A1] a server that is away gets the mail when it is back', async () => {
    const { smtp, send } = await mailing();
    await smtp.goAway();
    await send('bob@corp.test');
    await smtp.comeBack();
    expect((await smtp.next('bob@corp.test')).code).toBe('aB3xY9');
  });

  it('[A1] a code that is over is not sent, nor one for nobody', async () => {
    const { smtp, jobs, send } = await mailing();
    await send('bob@corp.test', -1);
    await send(undefined);
    await settled(jobs);
    expect(smtp.attempts).toBe(0);
    expect((await jobs.counts()).mail.failed).toBe(0);
  });

  it('[A1] a mail that cannot be opened is given up at once', async () => {
    const { smtp, jobs } = await mailing();
    await jobs.add(
      'mail',
      { sealed: new MailSeal('another secret').seal('x', { to: 'bob@corp.test', code: 'aB3xY9', expiresAt: Date.now() + HOUR }) },
      { id: 'x' },
    );
    await until(async () => (await jobs.counts()).mail.failed === 1);
    expect(smtp.attempts).toBe(0);
  });
});

describe('rooms that end', () => {
  it('[A9] a pair whose time is over is closed, its members are told over their own channels, and it is free', async () => {
    const stage = await Stage.open();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const now = Date.now();
    const room = `pair:${randomBytes(16).toString('base64url')}`;
    const match = await stage.store.pairs.match({
      user: { id: 'u-ann', name: 'Ann' },
      keepHistory: false,
      candidates: [{ id: 'u-bob', name: 'Bob' }],
      room,
      now,
      expiresAt: now + 300,
    });
    expect(match).toMatchObject({ state: 'paired', room });
    await scheduleExpiry(jobs, room, now + 300, now);
    await stage.closed(room);
    await until(() => stage.signals.filter((signal) => signal.endsWith(roomClosed(room, 'expired'))).length === 2);
    expect(stage.signals).toContain(`u:u-ann ${roomClosed(room, 'expired')}`);
    expect(stage.signals).toContain(`u:u-bob ${roomClosed(room, 'expired')}`);
    expect(await stage.store.pairs.of('u-ann')).toBeUndefined();
    expect((await stage.store.rooms.get(room))?.closedAt).toBeGreaterThanOrEqual(now + 300);
  });

  it('a group is told over its own channel', async () => {
    const stage = await Stage.open();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const room = await stage.room('group', Date.now());
    await stage.broker.subscribe(room, true);
    await scheduleExpiry(jobs, room, Date.now(), Date.now());
    await until(() => stage.signals.includes(`r:${room} ~cexpired`));
  });

  it('an expiry that moved on unknown to the job is kept', async () => {
    const stage = await Stage.open();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const room = await stage.room('pair', Date.now() + HOUR);
    await jobs.add('room-expiry', { room }, { id: room });
    await until(async () => (await jobs.counts())['room-expiry'].delayed === 1);
    expect((await stage.store.rooms.get(room))?.closedAt).toBeUndefined();
    // The hour passes: for the room, and for the job that was put off.
    await stage.database.query('UPDATE rooms SET expires_at = $2 WHERE room = $1', [room, Date.now() - 1]);
    expect(await jobs.move('room-expiry', room, 0)).toBe(true);
    await stage.closed(room);
  });

  it('a room that never ends any more, is closed by hand, or is not there: nothing is told', async () => {
    const stage = await Stage.open();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const rooms = [await stage.room('pair', undefined), await stage.room('pair', Date.now()), 'pair:nothing'];
    await stage.store.rooms.close(rooms[1] ?? '', 'closed', Date.now());
    for (const room of rooms) await jobs.add('room-expiry', { room }, { id: room });
    await until(async () => {
      const { waiting, active, delayed } = (await jobs.counts())['room-expiry'];
      return waiting + active + delayed === 0;
    });
    expect(stage.signals).toEqual([]);
  });

  it('telling that failed is repeated, the closing is not', async () => {
    const stage = await Stage.open();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const room = await stage.room('pair', Date.now());
    stage.emitFailures = 5;
    await jobs.add('room-expiry', { room }, { id: room });
    await stage.closed(room);
    const { closedAt } = (await stage.store.rooms.get(room)) ?? {};
    for (const user of ['u-ann', 'u-bob']) await until(() => stage.signals.includes(`u:${user} ${roomClosed(room, 'expired')}`));
    expect((await stage.store.rooms.get(room))?.closedAt).toBe(closedAt);
    expect(stage.emitFailures).toBeLessThan(0);
  });

  it('what is overdue is closed by the sweep though its job was lost', async () => {
    const stage = await Stage.open();
    const rooms = await Promise.all(Array.from({ length: 20 }, (_, i) => stage.room('pair', Date.now() - i * 1000)));
    const later = await stage.room('pair', Date.now() + HOUR);
    await stage.worker(stage.jobs(), { pace: { overdueMs: 50 } });
    for (const room of rooms) await stage.closed(room);
    expect((await stage.store.rooms.get(later))?.closedAt).toBeUndefined();
  });

  it('jobs of expiring rooms that were lost are put back', async () => {
    const stage = await Stage.open();
    const rooms = await Promise.all(Array.from({ length: 12 }, () => stage.room('pair', Date.now() + HOUR)));
    const jobs = stage.jobs();
    await stage.worker(jobs, { pace: { restoreMs: 50 } });
    await until(async () => (await jobs.counts())['room-expiry'].delayed === 12);
    for (const room of rooms.slice(0, 5)) await jobs.remove('room-expiry', room);
    await until(async () => (await jobs.counts())['room-expiry'].delayed === 12);
    expect(await jobs.move('room-expiry', rooms[0] ?? '', HOUR)).toBe(true);
  });
});

describe('the sweep of streams', () => {
  /** Publishes without storing, as a gateway that dies in between. */
  async function say(
    stage: Stage,
    room: string,
    text: string,
    at: number,
    data?: unknown,
  ): Promise<{ id: string; offset: number; epoch: string }> {
    const id = randomBytes(16).toString('base64url');
    const sender = JSON.stringify({ id: 'u-ann', name: 'Ann "the" Änn' });
    const tail = messageTail(room, id, sender, text, data === undefined ? undefined : JSON.stringify(data), at);
    const { offset, epoch } = await stage.broker.publish({ room, tail, key: id, at });
    return { id, offset, epoch };
  }

  it('[M1] what was shown and not stored is stored, as it was, once, also by several sweeps at once', async () => {
    const stage = await Stage.open();
    const at = Date.now() - 10_000;
    const group = await stage.room('group', undefined, true);
    const said = [];
    for (let i = 0; i < 250; i++)
      said.push(
        await say(stage, i % 5 === 0 ? 'park' : group, `text ${i} "quoted" \u{1F600}`, at + i, i % 3 ? undefined : { i, b: [1.5, '"'] }),
      );
    // Some of it is stored already, in the middle too.
    for (const i of [5, 6, 7, 100]) {
      const { id, offset, epoch } = said[i] ?? { id: '', offset: 0, epoch: '' };
      await stage.store.messages.append({
        room: i % 5 === 0 ? 'park' : group,
        offset,
        epoch,
        id,
        sender: '{}',
        text: 'stored',
        data: undefined,
        at,
      });
    }
    await Promise.all([1, 2, 3].map(() => stage.worker(stage.jobs(), { pace: { streamsMs: 50, streamGraceMs: 5000 } })));
    await until(
      async () =>
        (await stage.store.messages.after(group, 0, 500)).length === 200 &&
        (await stage.store.messages.after('park', 0, 500)).length === 50,
      {
        timeoutMs: 20_000,
      },
    );
    const stored = [...(await stage.store.messages.after(group, 0, 500)), ...(await stage.store.messages.after('park', 0, 500))];
    expect(new Set(stored.map(({ id }) => id)).size).toBe(250);
    const nine = said[9];
    expect(stored.find(({ id }) => id === nine?.id)).toEqual({
      room: group,
      ...nine,
      sender: JSON.stringify({ id: 'u-ann', name: 'Ann "the" Änn' }),
      text: 'text 9 "quoted" \u{1F600}',
      data: '{"i":9,"b":[1.5,"\\""]}',
      at: at + 9,
    });
    expect(stored.filter(({ text }) => text === 'stored')).toHaveLength(4);
  });

  it('[M1] what is young is left to its gateway', async () => {
    const stage = await Stage.open();
    await say(stage, 'park', 'old', Date.now() - 60_000);
    await say(stage, 'park', 'young', Date.now() + 30_000);
    await stage.worker(stage.jobs(), { pace: { streamsMs: 20, streamGraceMs: 5000 } });
    await until(async () => (await stage.store.messages.top('park')) === 1);
    // The next looks come after this one.
    await say(stage, 'park', 'between', Date.now() - 60_000);
    const group = await stage.room('group', undefined, true);
    await say(stage, group, 'elsewhere', Date.now() - 60_000);
    await until(async () => (await stage.store.messages.top(group)) === 1);
    expect((await stage.store.messages.after('park', 0, 10)).map(({ text }) => text)).not.toContain('young');
  });

  it('[M1] a message of a gateway whose clock is ahead is not passed over for those behind it', async () => {
    const stage = await Stage.open();
    await stage.worker(stage.jobs(), { pace: { streamsMs: 20 } });
    await say(stage, 'park', 'ahead', Date.now() + 1500);
    await say(stage, 'park', 'behind', Date.now() - 60_000);
    await until(async () => (await stage.store.messages.after('park', 0, 10)).length === 2);
    expect((await stage.store.messages.after('park', 0, 10)).map(({ text }) => text)).toEqual(['ahead', 'behind']);
  });

  it('[R3] nothing is stored of a room that keeps no history', async () => {
    const stage = await Stage.open();
    const at = Date.now() - 60_000;
    const quiet = await stage.room('group', undefined, false);
    await say(stage, quiet, 'not to be kept', at);
    // It counts as active: something was stored in it, before that was switched off.
    await stage.store.messages.append({
      room: quiet,
      offset: 900,
      epoch: 'e',
      id: 'x'.repeat(22),
      sender: '{}',
      text: 'kept',
      data: undefined,
      at,
    });
    const group = await stage.room('group', undefined, true);
    await say(stage, group, 'kept', at);
    await stage.worker(stage.jobs(), { pace: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top(group)) === 1);
    await say(stage, group, 'kept too', at);
    await until(async () => (await stage.store.messages.top(group)) === 2);
    expect((await stage.store.messages.after(quiet, 0, 10)).map(({ text }) => text)).toEqual(['kept']);
  });
});

describe('what comes round', () => {
  it('those who wait are looked after, and old rows dropped', async () => {
    const stage = await Stage.open();
    await stage.store.logins.putTicket('hash', 'bob@corp.test', Date.now() - 1000);
    let asked = 0;
    const worker = await stage.worker(stage.jobs(), {
      pace: { waitingMs: 20 },
      waiting: async () => {
        asked++;
        if (asked === 2) throw new HubError('UNAVAILABLE');
      },
    });
    await until(() => asked >= 4);
    await until(async () => (await stage.database.query('SELECT 1 FROM login_tickets')).length === 0);
    await worker.sample();
    const text = await stage.metrics.text();
    expect(text).toMatch(/parley_jobs\{queue="clean-up",state="waiting"\} \d/);
    expect(text).toMatch(/parley_job_oldest_age_seconds\{queue="mail"\} 0/);
    expect(text).toMatch(/parley_job_duration_seconds_count\{queue="clean-up"\} [1-9]/);
    expect(text).toMatch(/parley_jobs_failed_total\{queue="clean-up"\} 1/);
    expect(text).toMatch(/parley_jobs_stalled_total\{queue="mail"\} 0/);
  });
});
