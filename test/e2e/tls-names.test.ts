/** Cluster and Sentinel over TLS, with certificates that are made out to a name only: no address in them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, makeCertificate } from '#test/support/certificate.ts';
import { Child } from '#test/support/child.ts';
import { freePort } from '#test/support/free-port.ts';
import { RedisCluster } from '#test/support/redis-cluster.ts';
import { redisCommand } from '#test/support/redis-command.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const NAME = 'parley';

interface Backend {
  readonly url: string;
  readonly tlsUrl: string;
  stop(): Promise<void>;
}

/** A master and a sentinel that call each other `localhost`. */
class SentinelByName implements Backend {
  readonly tlsUrl: string;
  readonly #master: RedisServer;
  readonly #sentinel: Child;
  readonly #folder: string;

  private constructor(master: RedisServer, sentinel: Child, folder: string, tlsPort: number) {
    this.#master = master;
    this.#sentinel = sentinel;
    this.#folder = folder;
    this.tlsUrl = `rediss+sentinel://localhost:${tlsPort}/${NAME}`;
  }

  static async start({ certFile, keyFile }: Certificate): Promise<SentinelByName> {
    const [masterPort, port, tlsPort] = [await freePort(), await freePort(), await freePort()];
    const tls = {
      'tls-cert-file': certFile,
      'tls-key-file': keyFile,
      'tls-ca-cert-file': certFile,
      'tls-auth-clients': 'no',
      'tls-replication': 'yes',
    };
    const args = Object.entries({ 'tls-port': String(masterPort), ...tls }).flatMap(([name, value]) => [`--${name}`, value]);
    const master = await RedisServer.start({ args });
    const folder = makeFolder('parley-sentinel-');
    const lines = [
      `port ${port}`,
      `tls-port ${tlsPort}`,
      ...Object.entries(tls).map(([name, value]) => `${name} ${value}`),
      `dir ${folder}`,
      'sentinel resolve-hostnames yes',
      'sentinel announce-hostnames yes',
      `sentinel monitor ${NAME} localhost ${masterPort} 1`,
      '',
    ];
    writeFileSync(join(folder, 'sentinel.conf'), lines.join('\n'));
    const sentinel = new Child('redis-server', [join(folder, 'sentinel.conf'), '--sentinel']);
    await until(async () => String(await redisCommand(port, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME])) === `localhost,${masterPort}`, {
      describe: () => sentinel.output,
    });
    return new SentinelByName(master, sentinel, folder, tlsPort);
  }

  get url(): string {
    return this.tlsUrl;
  }

  async stop(): Promise<void> {
    this.#sentinel.signal('SIGKILL');
    await this.#sentinel.exited;
    await this.#master.stop();
    removeFolder(this.#folder);
  }
}

const BACKENDS: readonly (readonly [string, (certificate: Certificate) => Promise<Backend>])[] = [
  ['a Cluster', (certificate) => RedisCluster.start(3, certificate)],
  ['Sentinel', (certificate) => SentinelByName.start(certificate)],
];

describe.each(BACKENDS)('%s whose certificates have names only', (_, start) => {
  let hub: TestHub<Backend>;
  let worker: WorkerProcess;
  TestHub.showLogs(() => hub);

  beforeAll(async () => {
    const certificate = makeCertificate('DNS:localhost');
    const backend = await start(certificate);
    hub = await TestHub.start(backend, { redisUrl: backend.tlsUrl, env: { NODE_EXTRA_CA_CERTS: certificate.certFile } });
    worker = await WorkerProcess.start({ ...hub.settings, SMTP_URL: 'smtp://127.0.0.1:1' });
  });

  afterAll(async () => {
    await worker?.kill9();
    await hub?.stop();
  });

  it('relays between gateways, counts, and has its jobs done', async () => {
    const [ann, bob] = [await hub.client('ann', 0), await hub.client('bob', 1)];
    const rooms = ['live:a', 'live:b', 'live:c', 'live:d'];
    for (const client of [ann, bob]) for (const room of rooms) await client.join(room);
    for (const room of rooms) {
      await ann.message(room, `in ${room}`);
      expect(messageOf(await bob.waitFor('message', (frame) => frame.room === room)).text).toBe(`in ${room}`);
    }
    await until(async () => (await bob.presence('live:a')).count === 2);
    await until(async () => /parley_job_duration_seconds_count\{queue="clean-up"\} [1-9]/.test(await worker.metrics()), {
      describe: () => worker.output,
    });
  });
});
