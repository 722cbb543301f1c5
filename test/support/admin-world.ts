/** The admin pages on a real Redis and a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';

import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { JobsBullmq } from '#libs/jobs/jobs-bullmq.ts';
import { boardAdapters } from '#libs/jobs/queue-board.ts';
import { type NodeReading, NodeReporter } from '#libs/presence/node-directory.ts';
import { NodeDirectoryRedis } from '#libs/presence/node-directory-redis.ts';
import { AdminServer } from '#libs/process/admin-server.ts';
import { settingWarning } from '#libs/protocol/setting-warnings.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { type AdminOptions, openAdminPages } from '#services/api/admin.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { RoomStage, SILENT } from '#test/support/room-stage.ts';

/** The password of these pages. */
export const PASSWORD = 'tea: at four';
/** The `Authorization` of a caller. */
export const basic = (password: string, user = 'admin') => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Opens the admin pages over a room stage, with clocks and gateways of the test. All of it ends with the test. */
export async function adminWorld(redisUrl: string, more: Partial<AdminOptions> = {}) {
  const stage = await RoomStage.start(redisUrl);
  const { presence } = await stage.api();
  const link = RedisLink.open(redisUrl, { prefix: `t${randomUUID().slice(0, 8)}`, log: SILENT });
  onTestFinished(() => link.close());
  await link.ready(20_000);
  const jobs = new JobsBullmq(link, { log: SILENT });
  onTestFinished(() => jobs.close());
  const nodes = new NodeDirectoryRedis(link);
  const time = { now: Date.now(), steady: 0 };
  const admin = await openAdminPages({
    log: SILENT,
    now: () => time.now,
    steady: () => time.steady,
    uuid: randomUUID,
    password: PASSWORD,
    origins: new OriginPolicy({ publicUrl: undefined, allowedOrigins: [], log: SILENT, steady: Date.now }),
    localKey: undefined,
    nodes,
    presence,
    broker: stage.broker,
    store: stage.store,
    addresses: { ban: async () => undefined },
    jobs,
    version: '1.2.3',
    redis: true,
    dashboardUrl: 'https://dashboards.test/',
    warnings: async () => [settingWarning('publicUrlPlain')],
    keySet: () => undefined,
    page: undefined,
    board: boardAdapters(jobs),
    ...more,
  });
  onTestFinished(() => admin.close());
  const server = await AdminServer.start(0, '127.0.0.1', {
    started: () => true,
    ready: () => true,
    metrics: async () => '',
    metricsType: 'text/plain',
    pages: admin.pages,
  });
  onTestFinished(() => server.close());
  const origin = `http://127.0.0.1:${server.port}`;
  const get = (path: string, headers: Record<string, string> = { authorization: basic(PASSWORD) }, method = 'GET') =>
    fetch(`${origin}${path}`, { headers, method, redirect: 'manual' });
  const send = async (method: 'POST' | 'DELETE', path: string, body?: unknown) => {
    const reply = await fetch(`${origin}/admin/api${path}`, {
      method,
      headers: { authorization: basic(PASSWORD), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the test says what it has to be
    return { status: reply.status, body: (await reply.json()) as any };
  };
  const json = async (path: string) => {
    const reply = await get(path);
    expect(reply.status, path).toBe(200);
    // biome-ignore lint/suspicious/noExplicitAny: the test says what it has to be
    return (await reply.json()) as any;
  };
  /** A gateway that tells about itself whenever `tick` is called. */
  const gateway = (id: string, reading: NodeReading) => {
    const state = { ...reading };
    let tick = (): void => undefined;
    const clock = {
      now: () => time.now,
      steady: () => time.now,
      every: (_: number, callback: () => void) => {
        tick = callback;
        return () => undefined;
      },
    };
    const reporter = new NodeReporter({
      directory: nodes,
      id,
      version: '1.2.3',
      read: () => state,
      background: new WatchedBackground(),
      clock,
    });
    return { reporter, state: state as { -readonly [K in keyof NodeReading]: NodeReading[K] }, tick: () => tick() };
  };
  return { stage, jobs, link, nodes, time, get, send, json, gateway, origin };
}
