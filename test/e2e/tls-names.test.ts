/** Cluster and Sentinel over TLS, with certificates that are made out to a name only: no address in them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { type Certificate, makeCertificate } from '#test/support/certificate.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { RedisSentinel } from '#test/support/redis-sentinel.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

interface Backend {
  readonly url: string;
  readonly tlsUrl: string;
  killMaster(): Promise<unknown>;
  stop(): Promise<void>;
}

const BACKENDS: readonly (readonly [string, (tls: Certificate) => Promise<Backend>])[] = [
  ['a Cluster', (tls) => RedisCluster.start({ tls, replica: true })],
  ['Sentinel', (tls) => RedisSentinel.start(tls)],
];

/** Of a Cluster, rooms of every master: names whose slots lie apart, in the order of the masters. */
const ROOMS = ['live:a', 'live:b', 'live:c', 'live:d', 'a', 'b', 'c', 'd'];
const PATIENCE = { timeoutMs: 60_000 };

describe.each(BACKENDS)('%s whose certificates have names only', (_, start) => {
  let hub: TestHub<Backend>;
  let api: ApiProcess;
  let worker: WorkerProcess;
  let ann: ChatClient;
  let bob: ChatClient;
  TestHub.showLogs(() => hub);

  beforeAll(async () => {
    const certificate = makeCertificate('DNS:localhost');
    const backend = await start(certificate);
    hub = await TestHub.start(backend, { redisUrl: backend.tlsUrl, env: { NODE_EXTRA_CA_CERTS: certificate.certFile } });
    [api, worker] = await Promise.all([
      ApiProcess.start(hub.settings),
      WorkerProcess.start({ ...hub.settings, SMTP_URL: 'smtp://127.0.0.1:1' }),
    ]);
    [ann, bob] = [await hub.client('ann', 0), await hub.client('bob', 1)];
    for (const client of [ann, bob]) for (const room of ROOMS) await client.join(room);
  });

  afterAll(async () => {
    await Promise.all([api?.kill9(), worker?.kill9()]);
    await hub?.stop();
  });

  /** In every room, from one gateway to the other. What keeps nothing may lose a message while its server changes: the next one comes. */
  async function relays(text: string): Promise<void> {
    for (const room of ROOMS) {
      let last = '';
      const heard = () => bob.of('message').some((frame) => frame.room === room && messageOf(frame).text === text);
      await until(
        async () => {
          last = await ann.message(room, text).then(() => 'sent', String);
          return heard();
        },
        { ...PATIENCE, everyMs: 100, describe: () => `${room}: ${last}` },
      );
    }
  }

  const counts = () => until(async () => (await bob.presence('live:a')).count === 2 && (await online()) === 2, PATIENCE);

  async function online(): Promise<number> {
    const response = await api.get('/api/v1/online');
    return ((await response.json()) as { readonly count: number }).count;
  }

  async function cleanUps(): Promise<number> {
    const [, count] = /parley_job_duration_seconds_count\{queue="clean-up"\} (\d+)/.exec(await worker.metrics()) ?? [];
    return Number(count ?? 0);
  }

  const worked = async (): Promise<void> => {
    const before = await cleanUps();
    await until(async () => (await cleanUps()) > before, { ...PATIENCE, describe: () => worker.output });
  };

  it('relays between gateways, counts, and has its jobs done', async () => {
    await relays('hello');
    await Promise.all([counts(), worked()]);
  });

  it('[M4] goes on where its master dies and a replica takes over: nobody is disconnected', async () => {
    await hub.backend.killMaster();
    await relays('still here');
    await Promise.all([counts(), worked()]);
    expect([...ann.closes, ...bob.closes]).toEqual([]);
  });
});
