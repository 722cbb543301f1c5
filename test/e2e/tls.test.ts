import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { freePort } from '#test/support/free-port.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let settings: Readonly<Record<string, string>>;
let api: ApiProcess;
let worker: WorkerProcess;
TestHub.showLogs(() => hub);

beforeAll(async () => {
  const certificate = makeCertificate();
  const port = await freePort();
  const args = ['--tls-port', port, '--tls-cert-file', certificate.certFile, '--tls-key-file', certificate.keyFile];
  const redis = await RedisServer.start({ args: [...args.map(String), '--tls-auth-clients', 'no'] });
  smtp = await SmtpServer.start({ tls: 'secure', certificate });
  hub = await TestHub.start(redis, { redisUrl: `rediss://localhost:${port}`, env: { NODE_EXTRA_CA_CERTS: certificate.certFile } });
  settings = { ...hub.settings, SMTP_URL: smtp.url };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
});
afterAll(async () => {
  await worker?.kill9();
  await api?.kill9();
  await smtp?.stop();
  await hub?.stop();
});

describe('over TLS, with certificates of an authority of one’s own', () => {
  it('gateways relay and count, API and worker send mail through queue and mail server', async () => {
    const [ann, bob] = [await hub.client('ann', 0), await hub.client('bob', 1)];
    for (const client of [ann, bob]) await client.join('live:tls');
    await ann.join('park');
    await bob.join('park');
    await ann.message('park', 'hello');
    expect(messageOf(await bob.waitFor('message', (frame) => frame.room === 'park')).text).toBe('hello');
    await until(async () => (await bob.presence('park')).count === 2);
    const response = await fetch(`${api.url}/api/v1/auth/code`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'ann@example.com' }),
    });
    expect(response.status).toBe(202);
    expect(await smtp.next('ann@example.com')).toMatchObject({ encrypted: true, code: expect.stringMatching(/^\w{6}$/) });
    // Nothing of theirs goes over the plain port: this question alone.
    const clients = String(await hub.backend.command('CLIENT', 'LIST'))
      .trim()
      .split('\n');
    const plain = clients.filter((line) => line.includes(`laddr=127.0.0.1:${hub.backend.port} `));
    expect(plain).toHaveLength(1);
    expect(clients.length).toBeGreaterThan(8);
  });

  it('a process that does not trust the certificate says so, and does not go on', async () => {
    const { child, adminPort } = WorkerProcess.launch({ ...settings, NODE_EXTRA_CA_CERTS: undefined });
    await until(() => /self-signed certificate/.test(child.output), { describe: () => child.output });
    expect(adminPort()).toBeUndefined();
    child.signal('SIGKILL');
    await child.exited;
  });
});
