import { afterEach, describe, expect, it } from 'vitest';
import { JobError, type Jobs, queueLoginMail } from '#libs/jobs/jobs.ts';
import { JobsBullmq, type JobsBullmqOptions } from '#libs/jobs/jobs-bullmq.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { boardAdapters } from '#libs/jobs/queue-board.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { dumpRedis } from '#test/support/redis-dump.ts';
import { RedisSentinel } from '#test/support/redis-sentinel.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const HOUR = 3_600_000;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(): Promise<RedisServer> {
  const server = await RedisServer.start();
  cleanups.push(() => server.stop());
  return server;
}

function open(url: string, options: Partial<JobsBullmqOptions> = {}): JobsBullmq {
  const link = RedisLink.open(url, { prefix: 'test', log: LOG });
  const jobs = new JobsBullmq(link, { log: LOG, settings: { backoffMs: 10, backoffMaxMs: 50 }, closeMs: 2000, ...options });
  cleanups.push(async () => {
    await jobs.close();
    await link.close();
  });
  return jobs;
}

function collect(jobs: Jobs): string[] {
  const done: string[] = [];
  jobs.process('room-expiry', async ({ payload }) => {
    done.push(payload.room);
    return undefined;
  });
  return done;
}

/** Adds until it works. */
async function addAtLast(jobs: Jobs, room: string): Promise<void> {
  await until(
    () =>
      jobs.add('room-expiry', { room }, { id: room }).then(
        () => true,
        () => false,
      ),
    { timeoutMs: 40_000, describe: `${room} added` },
  );
}

describe('jobs on Redis', () => {
  it('what one process adds another one does, each job once', async () => {
    const server = await serve();
    const adder = open(server.url);
    const done = [collect(open(server.url)), collect(open(server.url))];
    await Promise.all(Array.from({ length: 200 }, (_, i) => adder.add('room-expiry', { room: `r${i}` })));
    await until(() => done.flat().length >= 200);
    await until(async () => (await adder.counts())['room-expiry'].active === 0);
    expect(new Set(done.flat()).size).toBe(200);
    expect(done.flat()).toHaveLength(200);
  });

  it('a repeated task comes once for all processes that repeat it', async () => {
    const server = await serve();
    const done: string[] = [];
    // Each begins when the task of the one before is over: its id is free again.
    for (let node = 0; node < 3; node++) {
      const jobs = open(server.url);
      jobs.process('clean-up', async ({ payload }) => {
        done.push(payload.task);
        return undefined;
      });
      jobs.repeat('upkeep', HOUR);
      jobs.repeat('streams', 50);
      await until(async () => done.includes('upkeep') && (await jobs.counts())['clean-up'].active === 0);
      const before = done.length;
      await until(() => done.length > before + 1);
    }
    await until(() => done.filter((task) => task === 'streams').length >= 5);
    expect(done.filter((task) => task === 'upkeep')).toHaveLength(1);
  });

  it('a Redis that was restarted empty: workers go on, new jobs are taken and done, tasks come round again', async () => {
    const server = await serve();
    const jobs = open(server.url);
    const done = collect(jobs);
    const tasks: string[] = [];
    jobs.process('clean-up', async ({ payload }) => {
      tasks.push(payload.task);
      return undefined;
    });
    jobs.repeat('overdue', 100);
    await addAtLast(jobs, 'before');
    await until(() => done.length === 1 && tasks.length > 0);
    await server.kill();
    const before = tasks.length;
    await expect(jobs.add('room-expiry', { room: 'away' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.restartEmpty();
    await addAtLast(jobs, 'after');
    await until(() => done.includes('after') && tasks.length > before + 1, { timeoutMs: 30_000 });
  });

  it('a Redis that is away at the start is waited for', async () => {
    const server = await serve();
    await server.kill();
    const jobs = open(server.url);
    const done = collect(jobs);
    await expect(jobs.add('room-expiry', { room: 'away' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await server.restart();
    await addAtLast(jobs, 'there');
    await until(() => done.includes('there'), { timeoutMs: 30_000 });
  });

  it('a Redis that stands still: a caller is told, and everything goes on afterwards', async () => {
    const server = await serve();
    const jobs = open(server.url);
    const done = collect(jobs);
    await addAtLast(jobs, 'before');
    await until(() => done.length === 1);
    server.pause();
    await expect(jobs.add('room-expiry', { room: 'away' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    server.resume();
    await addAtLast(jobs, 'after');
    await until(() => done.includes('after'), { timeoutMs: 30_000 });
  });

  it('closing ends while Redis is away, with a job in the middle', async () => {
    const server = await serve();
    const jobs = open(server.url, { closeMs: 1000 });
    let begun = false;
    jobs.process('room-expiry', async () => {
      begun = true;
      await until(() => server.pid === 0, { timeoutMs: 20_000 });
      return undefined;
    });
    await jobs.add('room-expiry', { room: 'a' });
    await until(() => begun);
    await server.kill();
    await jobs.close();
  });

  it('a job whose worker is silent is done by another one, and counted', async () => {
    const server = await serve();
    const quick = { lockMs: 500, stalledEveryMs: 200 };
    const silent = open(server.url, { ...quick, closeMs: 0 });
    let begun = 0;
    silent.process('room-expiry', () => {
      begun++;
      return new Promise(() => undefined);
    });
    await silent.add('room-expiry', { room: 'left' }, { id: 'left' });
    await until(() => begun === 1);
    // As if it had died: it holds the job, and renews nothing.
    await silent.close();
    const stalled: string[] = [];
    const done = collect(
      open(server.url, { ...quick, observe: { ran: () => undefined, failed: () => undefined, stalled: (queue) => stalled.push(queue) } }),
    );
    await until(() => done.length === 1, { timeoutMs: 20_000 });
    expect(done).toEqual(['left']);
    expect(stalled).toEqual(['room-expiry']);
  });

  it('[A1] neither address nor code is readable in Redis, whatever becomes of the mail', async () => {
    const server = await serve();
    const jobs = open(server.url, { settings: { attempts: 2, backoffMs: 10, backoffMaxMs: 10 } });
    const seal = new MailSeal('the secret of these tests');
    const to = 'secret.bob@corp.test';
    const code = 'Zq7Wx9';
    const texts: string[] = [];
    for (const id of ['refused', 'broken', 'done', 'nobody'])
      await queueLoginMail(jobs, seal, id, { to: id === 'nobody' ? undefined : to, code, expiresAt: Date.now() + HOUR });
    texts.push(await dumpRedis(server.port));
    jobs.process('mail', async ({ id, payload }) => {
      const mail = seal.open(id, payload.sealed);
      if (id === 'refused') throw new JobError('mail not accepted: 550', { permanent: true });
      if (id === 'broken') throw new Error(`550 <${mail?.to}> ${mail?.code}`);
      return undefined;
    });
    await until(async () => (await jobs.counts()).mail.failed === 2);
    texts.push(await dumpRedis(server.port));
    for (const text of texts) {
      expect(text).toContain('sealed');
      expect(text.toLowerCase()).not.toContain('secret.bob');
      expect(text).not.toContain(code);
    }
    expect(texts[1]).toContain('mail not accepted: 550');
    const lengths = [...(texts[0] ?? '').matchAll(/sealed\\*":\\*"([^"\\]+)/g)].map(([, sealed]) => sealed?.length);
    expect(lengths).toHaveLength(4);
    expect(new Set(lengths).size).toBe(1);
    expect(jobs.queues.map((queue) => queue.name)).toEqual(['mail', 'room-expiry', 'clean-up']);
  });

  it('the board gets every queue, and none where they are in memory', async () => {
    const server = await serve();
    const jobs = open(server.url);
    await jobs.add('mail', { sealed: 'sealed' }, { id: 'm', delayMs: HOUR });
    const adapters = boardAdapters(jobs);
    expect(adapters.map((adapter) => adapter.getName())).toEqual(['mail', 'room-expiry', 'clean-up']);
    expect(adapters.map(({ readOnlyMode }) => readOnlyMode)).toEqual([true, true, true]);
    expect(await adapters[0]?.getJobCounts()).toMatchObject({ delayed: 1 });
    const memory = new JobsMemory({ log: LOG });
    expect(boardAdapters(memory)).toEqual([]);
    await memory.close();
  });
});

describe('jobs behind Sentinel', () => {
  it('go on after a fail-over, with what was queued', async () => {
    const sentinel = await RedisSentinel.start();
    cleanups.push(() => sentinel.stop());
    const jobs = open(sentinel.url);
    const done = collect(jobs);
    await addAtLast(jobs, 'before');
    await until(() => done.includes('before'));
    await jobs.add('room-expiry', { room: 'kept' }, { id: 'kept', delayMs: HOUR });
    const master = await sentinel.master();
    // What a master did not pass on yet dies with it.
    await until(async () => Number(await master.command('WAIT', 1, 1000)) === 1);
    await sentinel.killMaster();
    await addAtLast(jobs, 'after');
    await until(() => done.includes('after'), { timeoutMs: 40_000 });
    await until(() => jobs.move('room-expiry', 'kept', 0).catch(() => false), { timeoutMs: 20_000 });
    await until(() => done.includes('kept'), { timeoutMs: 20_000 });
  });
});
