import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRedisUrl } from '#libs/config/redis-url.ts';
import { JobsBullmq } from '#libs/jobs/jobs-bullmq.ts';
import { connectQueueClient } from '#libs/redis/redis-clients.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { Child } from '#test/support/child.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { until } from '#test/support/wait.ts';

const LOG = createLogger({ node: 'test', level: 'silent' });
const HOUR = 3_600_000;
const BACKENDS = { 'one Redis': () => RedisServer.start(), 'a Redis Cluster': () => RedisCluster.start() };

describe('jobs of the Redis that the hub used before', () => {
  it('[M3] are moved by migrate to a Redis that it used still earlier, whose rooms begin new epochs', async () => {
    const [before, now, database] = await Promise.all([RedisServer.start(), RedisServer.start(), PostgresDatabase.create()]);
    const [from, to] = [before, now].map(({ url }) => RedisLink.open(url, { prefix: 'parley:', log: LOG })) as [RedisLink, RedisLink];
    const queues = [from, to].map((link) => new JobsBullmq(link, { log: LOG }));
    try {
      await queues[0]?.add('room-expiry', { room: 'group:later' }, { id: 'later', delayMs: HOUR });
      await queues[0]?.add('mail', { sealed: 'x' }, { id: 'mail' });
      const meta = to.keys.meta('park');
      const position = (server: string): string => `${'e'.repeat(16)}${server}${'1'.repeat(10)}42`;
      await now.command('SET', meta, position('a'.repeat(40)));
      const { PATH } = process.env;
      const env = { PATH, REDIS_URL: now.url, PREVIOUS_REDIS_URL: before.url, DATABASE_URL: database.url };
      const child = new Child(process.execPath, ['services/migrate/main.ts'], { env });
      expect((await child.exited).code, child.output).toBe(0);
      expect(child.output).toContain('2 queued jobs of the Redis before were moved');
      expect(await queues[1]?.counts()).toMatchObject({ mail: { waiting: 1 }, 'room-expiry': { delayed: 1 } });
      expect(await queues[0]?.counts()).toMatchObject({ mail: { waiting: 0 }, 'room-expiry': { delayed: 0 } });
      expect(await now.command('GET', meta)).toBe(position('0'.repeat(40)));
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
      await Promise.all([from.close(), to.close()]);
      await Promise.all([before.stop(), now.stop(), database.drop()]);
    }
  });
});

describe.each(Object.entries(BACKENDS))('jobs that an earlier version queued on %s', (_, start) => {
  let redis: { readonly url: string; stop(): Promise<void> };
  let database: PostgresDatabase;
  let link: RedisLink;
  let jobs: JobsBullmq;

  beforeAll(async () => {
    [redis, database] = await Promise.all([start(), PostgresDatabase.create()]);
    link = RedisLink.open(redis.url, { prefix: 'parley:', log: LOG });
    jobs = new JobsBullmq(link, { log: LOG });
  });
  afterAll(async () => {
    await jobs.close();
    await link.close();
    await redis.stop();
  });

  /** As versions before 0.2.0 did it. */
  async function queueAsBefore(queue: string, id: string, payload: object, delay: number): Promise<void> {
    const connection = connectQueueClient(parseRedisUrl(redis.url), 'works', 5000);
    const before = new Queue(queue, { connection, prefix: '{parley::jobs}' });
    await before.add(queue, { payload, due: Date.now() + delay }, { jobId: id, delay, attempts: 8 });
    connection.disconnect();
  }

  async function migrate(): Promise<string> {
    const { PATH } = process.env;
    const env = { PATH, REDIS_URL: redis.url, DATABASE_URL: database.url };
    const child = new Child(process.execPath, ['services/migrate/main.ts'], { env });
    expect((await child.exited).code, child.output).toBe(0);
    return child.output;
  }

  it('are moved by migrate, each under its id and for its time, once', async () => {
    await queueAsBefore('room-expiry', 'id-now', { room: 'group:now' }, 0);
    await queueAsBefore('room-expiry', 'id-later', { room: 'group:later' }, HOUR);
    await queueAsBefore('mail', 'id-mail', { sealed: 'x' }, 0);
    expect(await migrate()).toContain('3 queued jobs of an earlier version were moved');
    expect(await migrate()).not.toContain('moved');
    expect(await jobs.counts()).toMatchObject({
      mail: { waiting: 1, delayed: 0 },
      'room-expiry': { waiting: 1, delayed: 1 },
      'clean-up': { waiting: 0, delayed: 0 },
    });
    const ended: string[] = [];
    jobs.process('room-expiry', async ({ id, payload }) => {
      ended.push(`${id} ${payload.room}`);
      return undefined;
    });
    await until(() => ended.length > 0, { describe: 'the job that is due is done' });
    // The id is free, and the other one still has its hour.
    expect(await jobs.move('room-expiry', 'later', 0)).toBe(true);
    await until(() => ended.length > 1, { describe: 'the other one is done' });
    expect(ended).toEqual(['now group:now', 'later group:later']);
  });
});
