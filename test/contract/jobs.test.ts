import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobError, type JobOutcome, type Jobs, type JobsObserver, type QueueSettings, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { JobsBullmq } from '#libs/jobs/jobs-bullmq.ts';
import { JobsMemory } from '#libs/jobs/jobs-memory.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const HOUR = 3_600_000;

type Open = (settings: Partial<QueueSettings>, observe?: JobsObserver) => { readonly jobs: Jobs; close(): Promise<void> };

interface Backend {
  readonly open: Open;
  stop(): Promise<void>;
}

let count = 0;

function onRedis(server: { readonly url: string; stop(): Promise<void> }): Backend {
  return {
    open: (settings, observe) => {
      const link = RedisLink.open(server.url, { prefix: `jobs-${++count}`, log: LOG });
      const jobs = new JobsBullmq(link, { log: LOG, settings, ...(observe && { observe }) });
      return {
        jobs,
        close: async () => {
          await jobs.close();
          await link.close();
        },
      };
    },
    stop: () => server.stop(),
  };
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  memory: async () => ({
    open: (settings, observe) => {
      const jobs = new JobsMemory({ log: LOG, settings, ...(observe && { observe }) });
      return { jobs, close: () => jobs.close() };
    },
    stop: async () => undefined,
  }),
  'one Redis': async () => onRedis(await RedisServer.start()),
  'a Redis Cluster': async () => onRedis(await RedisCluster.start()),
};

/** Quick retries. */
const QUICK = { backoffMs: 10, backoffMaxMs: 40 };

describe.each(Object.entries(BACKENDS))('jobs on %s', (_, start) => {
  let backend: Backend;
  const opened: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    backend = await start();
  });

  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  afterAll(() => backend.stop());

  function open(settings: Partial<QueueSettings> = QUICK, observe?: JobsObserver): Jobs {
    const one = backend.open(settings, observe);
    opened.push(one);
    return one.jobs;
  }

  /** Does the jobs of `room-expiry`, noting their rooms. */
  function collect(jobs: Jobs): string[] {
    const done: string[] = [];
    jobs.process('room-expiry', async ({ payload }) => {
      done.push(payload.room);
      return undefined;
    });
    return done;
  }

  it('does a job once, with its payload and its id', async () => {
    const jobs = open();
    const seen: unknown[] = [];
    await jobs.add('room-expiry', { room: 'pair:a' }, { id: 'pair:a' });
    jobs.process('room-expiry', async (job) => {
      seen.push(job);
      return undefined;
    });
    await jobs.add('room-expiry', { room: 'pair:b' }, { id: '17' });
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      { id: 'pair:a', payload: { room: 'pair:a' }, attempt: 1 },
      { id: '17', payload: { room: 'pair:b' }, attempt: 1 },
    ]);
  });

  it('an id that waits, is delayed or runs is not taken again; afterwards it is free', async () => {
    const jobs = open();
    const done: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await jobs.add('room-expiry', { room: 'first' }, { id: 'x' });
    await jobs.add('room-expiry', { room: 'second' }, { id: 'x' });
    jobs.process('room-expiry', async ({ payload }) => {
      done.push(payload.room);
      await held;
      return undefined;
    });
    await until(() => done.length === 1);
    await jobs.add('room-expiry', { room: 'third' }, { id: 'x' });
    expect(await jobs.remove('room-expiry', 'x')).toBe(false);
    release();
    await until(async () => (await jobs.counts())['room-expiry'].active === 0);
    expect(done).toEqual(['first']);
    await jobs.add('room-expiry', { room: 'fourth' }, { id: 'x' });
    await until(() => done.length === 2);
    expect(done).toEqual(['first', 'fourth']);
  });

  it('an id of a queue that remembers what it did is not done twice', async () => {
    const jobs = open();
    const done: string[] = [];
    jobs.process('mail', async ({ payload }) => {
      done.push(payload.sealed);
      return undefined;
    });
    await jobs.add('mail', { sealed: 'once' }, { id: 'm' });
    await until(async () => done.length === 1 && (await jobs.counts()).mail.active === 0);
    await jobs.add('mail', { sealed: 'twice' }, { id: 'm' });
    await jobs.add('mail', { sealed: 'other' }, { id: 'n' });
    await until(() => done.includes('other'));
    expect(done).toEqual(['once', 'other']);
  });

  it('a delayed job waits, can be moved both ways, and be removed', async () => {
    const jobs = open();
    const done = collect(jobs);
    await jobs.add('room-expiry', { room: 'soon' }, { id: 'soon', delayMs: 50 });
    await jobs.add('room-expiry', { room: 'later' }, { id: 'later', delayMs: HOUR });
    await jobs.add('room-expiry', { room: 'never' }, { id: 'never', delayMs: HOUR });
    await until(() => done.length === 1);
    expect((await jobs.counts())['room-expiry']).toMatchObject({ delayed: 2, waiting: 0, failed: 0 });
    expect(await jobs.move('room-expiry', 'never', 2 * HOUR)).toBe(true);
    expect(await jobs.move('room-expiry', 'later', 20)).toBe(true);
    await until(() => done.length === 2);
    expect(done).toEqual(['soon', 'later']);
    expect(await jobs.remove('room-expiry', 'never')).toBe(true);
    expect(await jobs.remove('room-expiry', 'never')).toBe(true);
    expect(await jobs.move('room-expiry', 'never', 0)).toBe(false);
    expect((await jobs.counts())['room-expiry']).toMatchObject({ delayed: 0, waiting: 0 });
  });

  it('[A13] lists the jobs of a state, those that run next first, with attempts and times', async () => {
    const jobs = open({ attempts: 3, backoffMs: HOUR, backoffMaxMs: HOUR });
    const before = Date.now();
    for (const [id, hours] of [['c', 3] as const, ['a', 1] as const, ['b', 2] as const])
      await jobs.add('room-expiry', { room: id }, { id, delayMs: hours * HOUR });
    await jobs.move('room-expiry', 'a', 4 * HOUR);
    const delayed = await jobs.list('room-expiry', 'delayed', 10);
    expect(delayed.map(({ id }) => id)).toEqual(['b', 'c', 'a']);
    for (const [n, hours] of [2, 3, 4].entries()) {
      const { madeAt = 0, dueAt = 0, ...job } = delayed[n] ?? {};
      expect(job).toMatchObject({ name: 'room-expiry', attempts: 0, attemptsMax: 3, error: undefined });
      expect(madeAt).toBeGreaterThanOrEqual(before);
      expect(Math.round((dueAt - before) / HOUR)).toBe(hours);
    }
    expect(await jobs.list('room-expiry', 'delayed', 2)).toHaveLength(2);
    await jobs.add('clean-up', { task: 'upkeep' }, { id: 'x' });
    expect(await jobs.list('clean-up', 'waiting', 10)).toMatchObject([{ id: 'x', name: 'upkeep', attempts: 0 }]);
    // What failed says why, and when it is tried again.
    await jobs.add('mail', { sealed: 'secret' }, { id: 'm:1' });
    let release = (): void => undefined;
    const running = new Promise<void>((resolve) => {
      release = resolve;
    });
    jobs.process('mail', async () => {
      await running;
      throw new JobError('no answer\nof the server', { permanent: false });
    });
    await until(async () => (await jobs.list('mail', 'active', 10)).length === 1);
    expect(await jobs.list('mail', 'active', 10)).toMatchObject([{ id: 'm:1', attempts: 1, dueAt: undefined }]);
    release();
    await until(async () => (await jobs.list('mail', 'delayed', 10)).length === 1);
    const [again] = await jobs.list('mail', 'delayed', 10);
    expect(again).toMatchObject({ id: 'm:1', name: 'mail', attempts: 1, attemptsMax: 3, error: 'no answer' });
    expect((again?.dueAt ?? 0) - before).toBeGreaterThan(HOUR / 2 - 1000);
    expect(await jobs.list('mail', 'failed', 10)).toEqual([]);
    expect(JSON.stringify(again)).not.toContain('secret');
  });

  it('the expiry of a room is set, moved and taken back', async () => {
    const jobs = open();
    const now = Date.now();
    const done = collect(jobs);
    await scheduleExpiry(jobs, 'pair:e', now + HOUR, now);
    await scheduleExpiry(jobs, 'pair:f', now + HOUR, now);
    await scheduleExpiry(jobs, 'pair:f', undefined, now);
    await scheduleExpiry(jobs, 'pair:g', undefined, now);
    expect((await jobs.counts())['room-expiry'].delayed).toBe(1);
    await scheduleExpiry(jobs, 'pair:e', now - 5, now);
    await until(() => done.length === 1);
    expect(done).toEqual(['pair:e']);
  });

  it('what fails is tried again until it succeeds', async () => {
    const jobs = open({ ...QUICK, attempts: 5 });
    const attempts: number[] = [];
    jobs.process('mail', async ({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 4) throw new Error('not yet');
      return undefined;
    });
    await jobs.add('mail', { sealed: 's' }, { id: 'retried' });
    await until(() => attempts.length === 4);
    await until(async () => (await jobs.counts()).mail.active === 0);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect((await jobs.counts()).mail).toMatchObject({ failed: 0, delayed: 0, waiting: 0 });
  });

  it('what is permanent is not tried again, and is kept; attempts that are used up too', async () => {
    const failed: string[] = [];
    const ran: number[] = [];
    const jobs = open(
      { ...QUICK, attempts: 3 },
      { ran: (_queue, seconds) => ran.push(seconds), failed: (queue) => failed.push(queue), stalled: () => undefined },
    );
    const attempts: string[] = [];
    jobs.process('mail', async ({ id }) => {
      attempts.push(id);
      throw id === 'refused' ? new JobError('refused: 550', { permanent: true }) : new HubError('UNAVAILABLE');
    });
    await jobs.add('mail', { sealed: 's' }, { id: 'refused' });
    await jobs.add('mail', { sealed: 's' }, { id: 'tired' });
    await until(async () => (await jobs.counts()).mail.failed === 2);
    expect(attempts.filter((id) => id === 'refused')).toHaveLength(1);
    expect(attempts.filter((id) => id === 'tired')).toHaveLength(3);
    await until(() => failed.length === 2);
    expect(failed).toEqual(['mail', 'mail']);
    expect(ran).toHaveLength(4);
    for (const seconds of ran) expect(seconds).toBeGreaterThanOrEqual(0);
  });

  it('a job that asks to run again later does, as its first attempt, under the same id', async () => {
    const jobs = open();
    const attempts: number[] = [];
    jobs.process('room-expiry', async ({ attempt }): Promise<JobOutcome> => {
      attempts.push(attempt);
      return attempts.length < 3 ? { rerunInMs: attempts.length === 1 ? 20 : HOUR } : undefined;
    });
    await jobs.add('room-expiry', { room: 'r' }, { id: 'r' });
    await until(async () => attempts.length === 2 && (await jobs.counts())['room-expiry'].delayed === 1);
    expect(await jobs.move('room-expiry', 'r', 0)).toBe(true);
    await until(() => attempts.length === 3);
    expect(attempts).toEqual([1, 1, 1]);
    await until(async () => (await jobs.counts())['room-expiry'].active === 0);
    expect((await jobs.counts())['room-expiry']).toMatchObject({ delayed: 0, waiting: 0, failed: 0 });
  });

  it('runs as many at once as it may, and no more', async () => {
    const jobs = open();
    let running = 0;
    let most = 0;
    let done = 0;
    const waiting: (() => void)[] = [];
    jobs.process(
      'room-expiry',
      async () => {
        running++;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => waiting.push(resolve));
        running--;
        done++;
        return undefined;
      },
      { concurrency: 3 },
    );
    await Promise.all(Array.from({ length: 9 }, (_unused, i) => jobs.add('room-expiry', { room: `${i}` })));
    await until(() => waiting.length === 3);
    while (done < 9) {
      waiting.shift()?.();
      await until(() => waiting.length > 0 || done === 9);
    }
    expect(most).toBe(3);
  });

  it('counts what waits, runs and is delayed, and the age of the oldest', async () => {
    const jobs = open();
    expect((await jobs.counts())['room-expiry']).toEqual({ waiting: 0, active: 0, delayed: 0, failed: 0, oldestAge: 0 });
    const before = performance.now();
    await jobs.add('room-expiry', { room: 'a' });
    await jobs.add('room-expiry', { room: 'b' });
    await jobs.add('room-expiry', { room: 'c' }, { delayMs: HOUR });
    await until(async () => (await jobs.counts())['room-expiry'].oldestAge > 0.1);
    const { oldestAge, ...counts } = (await jobs.counts())['room-expiry'];
    expect(counts).toEqual({ waiting: 2, active: 0, delayed: 1, failed: 0 });
    expect(oldestAge).toBeLessThanOrEqual((performance.now() - before) / 1000 + 0.05);
    expect((await jobs.counts()).mail.waiting).toBe(0);
  });

  it('repeats a task, never beside itself', async () => {
    const jobs = open();
    let running = 0;
    let most = 0;
    const tasks: string[] = [];
    jobs.process('clean-up', async ({ payload }) => {
      running++;
      most = Math.max(most, running);
      tasks.push(payload.task);
      await new Promise((resolve) => setTimeout(resolve, 60));
      running--;
      if (tasks.length === 2) throw new Error('the next one is the retry');
      return undefined;
    });
    jobs.repeat('streams', 20);
    await until(() => tasks.length >= 5);
    expect(new Set(tasks)).toEqual(new Set(['streams']));
    expect(most).toBe(1);
  });

  it('closing lets the running job finish, starts no other, and ends', async () => {
    const jobs = open();
    const begun: string[] = [];
    const ended: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    jobs.process(
      'room-expiry',
      async ({ payload }) => {
        begun.push(payload.room);
        await held;
        ended.push(payload.room);
        return undefined;
      },
      { concurrency: 1 },
    );
    await jobs.add('room-expiry', { room: 'a' });
    await jobs.add('room-expiry', { room: 'b' });
    await until(() => begun.length === 1);
    const closed = jobs.close();
    setTimeout(release, 100);
    await closed;
    expect(ended).toEqual(['a']);
    expect(begun).toEqual(['a']);
    await expect(jobs.add('room-expiry', { room: 'c' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('refuses what is no id, and a queue processed twice', async () => {
    const jobs = open();
    await expect(jobs.add('mail', { sealed: '' }, { id: '' })).rejects.toThrow(TypeError);
    await expect(jobs.add('mail', { sealed: '' }, { id: 'x'.repeat(201) })).rejects.toThrow(TypeError);
    collect(jobs);
    expect(() => collect(jobs)).toThrow(TypeError);
  });
});
