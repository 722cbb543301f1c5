import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { queueLoginMail, scheduleExpiry } from '#libs/jobs/jobs.ts';
import type { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { ExpirySweep, type ExpirySweepOptions } from '#services/worker/room-expiry.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { until } from '#test/support/wait.ts';
import { WorkerStage } from '#test/support/worker-stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const stages: WorkerStage[] = [];

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

async function openStage(): Promise<WorkerStage> {
  const stage = await WorkerStage.open();
  stages.push(stage);
  return stage;
}

describe('the mail processor', () => {
  async function mailing(): Promise<{
    stage: WorkerStage;
    smtp: SmtpServer;
    jobs: JobsMemory;
    send: (to: string | undefined, ms?: number) => Promise<void>;
  }> {
    const stage = await openStage();
    const smtp = await SmtpServer.start();
    stage.atEnd(() => smtp.stop());
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
    const { stage, smtp, jobs, send } = await mailing();
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
    const text = await stage.metrics.text();
    const attempts = (result: string): boolean => text.includes(`parley_mail_attempts_total{result="${result}"} 2\n`);
    expect(['sent', 'retried'].map(attempts)).toEqual([true, true]);
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
    const text = await stage.metrics.text();
    expect(text).toContain('parley_jobs_failed_total{queue="mail"} 1');
    expect(text).toContain('parley_mail_attempts_total{result="failed"} 1');
    expect(text).toContain('parley_mail_attempts_total{result="retried"} 0');
  });

  it('[A1] a server that is away gets the mail when it is back', async () => {
    const { smtp, send } = await mailing();
    await smtp.goAway();
    await send('bob@corp.test');
    await smtp.comeBack();
    expect((await smtp.next('bob@corp.test')).code).toBe('aB3xY9');
  });

  it('[A1] a code that is over is not sent, nor one for nobody', async () => {
    const { stage, smtp, jobs, send } = await mailing();
    await send('bob@corp.test', -1);
    await send(undefined);
    await settled(jobs);
    expect(await stage.metrics.text()).toContain('parley_mail_attempts_total{result="expired"} 1');
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
    const stage = await openStage();
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
    await until(
      () => stage.signals.filter((signal) => signal.endsWith(buildFrame('room_closed', { room, reason: 'expired' }))).length === 2,
    );
    expect(stage.signals).toContain(`u:u-ann ${buildFrame('room_closed', { room, reason: 'expired' })}`);
    expect(stage.signals).toContain(`u:u-bob ${buildFrame('room_closed', { room, reason: 'expired' })}`);
    expect(await stage.store.pairs.of('u-ann')).toBeUndefined();
    expect((await stage.store.rooms.get(room))?.closedAt).toBeGreaterThanOrEqual(now + 300);
  });

  it('a group is told over its own channel', async () => {
    const stage = await openStage();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const room = await stage.room('group', Date.now());
    await stage.broker.subscribe(room, true);
    await scheduleExpiry(jobs, room, Date.now(), Date.now());
    await until(() => stage.signals.includes(`r:${room} ~cexpired`));
  });

  it('an expiry that moved on unknown to the job is kept', async () => {
    const stage = await openStage();
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
    const stage = await openStage();
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
    const stage = await openStage();
    const jobs = stage.jobs();
    await stage.worker(jobs);
    const room = await stage.room('pair', Date.now());
    stage.emitFailures = 5;
    await jobs.add('room-expiry', { room }, { id: room });
    await stage.closed(room);
    const { closedAt } = (await stage.store.rooms.get(room)) ?? {};
    for (const user of ['u-ann', 'u-bob'])
      await until(() => stage.signals.includes(`u:${user} ${buildFrame('room_closed', { room, reason: 'expired' })}`));
    expect((await stage.store.rooms.get(room))?.closedAt).toBe(closedAt);
    expect(stage.emitFailures).toBeLessThan(0);
  });

  it('what is overdue is closed by the sweep though its job was lost', async () => {
    const stage = await openStage();
    const rooms = await Promise.all(Array.from({ length: 20 }, (_, i) => stage.room('pair', Date.now() - i * 1000)));
    const later = await stage.room('pair', Date.now() + HOUR);
    await stage.worker(stage.jobs(), { intervals: { overdueMs: 50 } });
    for (const room of rooms) await stage.closed(room);
    expect((await stage.store.rooms.get(later))?.closedAt).toBeUndefined();
  });

  it('jobs of expiring rooms that were lost are put back', async () => {
    const stage = await openStage();
    const rooms = await Promise.all(Array.from({ length: 12 }, () => stage.room('pair', Date.now() + HOUR)));
    const jobs = stage.jobs();
    await stage.worker(jobs, { intervals: { restoreMs: 50, restoreAheadMs: 2 * HOUR } });
    await until(async () => (await jobs.counts())['room-expiry'].delayed === 12);
    for (const room of rooms.slice(0, 5)) await jobs.remove('room-expiry', room);
    await until(async () => (await jobs.counts())['room-expiry'].delayed === 12);
    expect(await jobs.move('room-expiry', rooms[0] ?? '', HOUR)).toBe(true);
  });

  it('[A9] of rooms whose jobs were lost those that end soon get them back, page by page, however many end later', async () => {
    const stage = await openStage();
    const now = Date.now();
    // More than a page, many at the same moment; far more that end later, and some that are over.
    await stage.database.query(
      `INSERT INTO rooms (room, kind, title, owner, keep_history, created_at, expires_at)
       SELECT 'pair:' || n, 'pair', '', '', false, 1, $1::bigint + CASE WHEN n <= 1200 THEN 60000 + n / 900 WHEN n <= 5000 THEN 3600000 ELSE -1 END
         FROM generate_series(1, 5010) n`,
      [now],
    );
    const jobs = stage.jobs();
    const asked: number[] = [];
    const rooms: ExpirySweepOptions['rooms'] = {
      overdue: (at, limit) => stage.store.rooms.overdue(at, limit),
      expiring: async (after, end, limit) => {
        const page = await stage.store.rooms.expiring(after, end, limit);
        asked.push(page.length);
        return page;
      },
    };
    const sweep = new ExpirySweep({ rooms, jobs, now: () => now, aheadMs: 120_000 });
    for (let twice = 0; twice < 2; twice += 1) {
      await sweep.restore();
      expect((await jobs.counts())['room-expiry']).toMatchObject({ delayed: 1200, waiting: 0, active: 0 });
      expect(asked.splice(0)).toEqual([500, 500, 200]);
    }
    await jobs.close();
  });
});

describe('what comes round', () => {
  it('those who wait are looked after, and old rows dropped', async () => {
    const stage = await openStage();
    await stage.store.logins.putTicket('hash', 'bob@corp.test', Date.now() - 1000);
    let asked = 0;
    const worker = await stage.worker(stage.jobs(), {
      intervals: { waitingMs: 20 },
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

  it('[A10] conversations in which nothing was said for 30 days are closed, and both sides told', async () => {
    const stage = await openStage();
    const { conversations, messages, rooms } = stage.store;
    const [ann, bob] = [
      { id: 'u-ann', name: 'Ann' },
      { id: 'u-bob', name: 'Bob' },
    ];
    const long = Date.now() - 31 * DAY;
    const opening = { subject: '', customer: ann, further: true, openMax: 10 };
    for (const room of ['conv:queued', 'conv:left', 'conv:alive']) await conversations.open({ ...opening, room, now: long });
    for (const room of ['conv:left', 'conv:alive']) await conversations.assign(room, [bob]);
    await conversations.open({ ...opening, room: 'conv:young', now: Date.now() - 29 * DAY });
    const said = { room: 'conv:alive', offset: 1, epoch: 'e', id: 'x', sender: '{}', text: 'still here', data: undefined };
    await messages.append({ ...said, at: Date.now() - 29 * DAY });
    await stage.worker(stage.jobs());
    const told = ['u-ann conv:queued', 'u-ann conv:left', 'u-bob conv:left'].map((one) => {
      const [user = '', room = ''] = one.split(' ');
      return `u:${user} ${buildFrame('room_closed', { room, reason: 'closed' })}`;
    });
    await until(() => told.every((signal) => stage.signals.includes(signal)), { describe: () => stage.signals.join('\n') });
    expect((await conversations.get('conv:left'))?.state).toBe('closed');
    expect((await rooms.get('conv:queued'))?.closedReason).toBe('closed');
    expect((await conversations.get('conv:alive'))?.state).toBe('assigned');
    expect((await conversations.get('conv:young'))?.state).toBe('queued');
    expect(stage.signals.filter((signal) => signal.includes('room_closed'))).toHaveLength(told.length);
  });

  it('direct rooms of which HISTORY_DAYS left nothing are dropped, and gateways told to ask anew', async () => {
    const stage = await openStage();
    const room = await stage.room('dm', undefined, true);
    const other = await stage.room('dm', undefined, true);
    await stage.database.query('UPDATE rooms SET created_at = $2 WHERE room = $1', [room, Date.now() - 31 * DAY]);
    await stage.worker(stage.jobs(), { historyDays: 7 });
    await until(() => stage.signals.length >= 2, { describe: 'both are told' });
    expect(stage.signals.toSorted()).toEqual([`u:u-ann ~x${room}`, `u:u-bob ~x${room}`]);
    expect(await stage.store.rooms.get(room)).toBeUndefined();
    expect(await stage.store.rooms.get(other)).toBeDefined();
  });
});
