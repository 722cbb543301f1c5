/** Prometheus, its rules and the dashboards on a real hub: `npm run test:monitoring`. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { slug } from '#deploy/grafana/dashboard.ts';
import { DASHBOARDS } from '#deploy/grafana/dashboards.ts';
import { sentQuery } from '#deploy/grafana/panel-spec.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { type DrawnPanel, writeDashboardPicture } from '#test/support/dashboard-picture.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { MixedLoad, makeGroup } from '#test/support/mixed-load.ts';
import { PostgresDatabase, startPostgres } from '#test/support/postgres.ts';
import type { PostgresServer } from '#test/support/postgres-server.ts';
import { type ActiveAlert, BlackboxExporter, Prometheus } from '#test/support/prometheus.ts';
import { alertRules } from '#test/support/promtool.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

/** Where pictures of the dashboards go: `MONITORING_PICTURES=docs/dashboards npm run test:monitoring`. */
const PICTURES = process.env['MONITORING_PICTURES'];
/** Minutes count as seconds. */
const FASTER = 60;
const LONG = { timeoutMs: 120_000, everyMs: 500 };
/** Seconds of the graphs, and between two points. */
const [SPAN_SECONDS, STEP_SECONDS] = [60, 2];
/** Pictures show a minute. */
const ROUNDS = PICTURES === undefined ? 10 : 90;

let postgres: PostgresServer;
let database: PostgresDatabase;
let redis: RedisServer;
let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
let load: MixedLoad;
let exporter: BlackboxExporter;
let prometheus: Prometheus;
let hasty: Prometheus;
TestHub.showLogs(() => hub);

const certificate = makeCertificate();
const edge = createServer({ cert: certificate.cert, key: certificate.key }, (_, response) => response.end('the page'));

beforeAll(async () => {
  postgres = await startPostgres();
  [database, redis, smtp] = await Promise.all([
    PostgresDatabase.create({ adminUrl: postgres.url }),
    RedisServer.start(),
    SmtpServer.start(),
  ]);
  hub = await TestHub.start(redis, { gateways: 0, env: { DATABASE_URL: database.url, STATE_LOST_SECONDS: '600' } });
  // Ports that no outgoing connection takes while a gateway is down: Prometheus knows them.
  for (const port of [await freePort(), await freePort()]) await hub.add({ ADMIN_PORT: String(port) });
  const settings = { ...hub.settings, SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, OBSERVED_EVENTS: 'on' };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
  await new Promise<void>((resolve) => edge.listen(0, '127.0.0.1', resolve));
  exporter = await BlackboxExporter.start(certificate.certFile);
  const local = (port: number): string => `127.0.0.1:${port}`;
  const options = {
    targets: {
      'parley-gateway': hub.gateways.map(({ adminPort }) => local(adminPort)),
      'parley-api': [local(api.adminPort)],
      'parley-worker': [local(worker.adminPort)],
    },
    edge: { exporter: local(exporter.port), url: `https://localhost:${(edge.address() as AddressInfo).port}/` },
  };
  [prometheus, hasty] = await Promise.all([Prometheus.start(options), Prometheus.start({ ...options, faster: FASTER })]);
  load = new MixedLoad(hub, api, await makeGroup(api, smtp));
  await until(() => load.rounds >= ROUNDS, {
    ...LONG,
    describe: () => `${load.rounds} rounds of the load; the last trouble: ${load.trouble}`,
  });
});

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => console.error(`--- Prometheus\n${hasty.output.slice(-3000)}\n${JSON.stringify(await hasty.alerts())}`));
});

afterAll(async () => {
  await load?.stop();
  edge.close();
  await Promise.all([prometheus?.stop(), hasty?.stop(), exporter?.stop(), api?.kill9(), worker?.kill9(), smtp?.stop()]);
  await hub?.stop();
  await postgres?.stop();
});

/** A query of a panel, as Grafana sends it if everything is chosen. */
function filled(query: string): string {
  const values: Readonly<Record<string, string>> = {
    namespace: '.*',
    job: 'parley-.+',
    instance: '.*',
    quantile: '0.99',
    __rate_interval: '15s',
  };
  return query.replaceAll(/\$(\w+)/g, (_, name: string) => values[name] ?? `no value for ${name}`);
}

/** A process by its name in place of its address, for pictures. */
function nameOf(instance: string): string {
  const names = [
    ...hub.gateways.map(({ adminPort }, index) => [adminPort, `gateway-${index + 1}`] as const),
    [api.adminPort, 'api'] as const,
    [worker.adminPort, 'worker'] as const,
  ];
  return names.find(([port]) => instance === `127.0.0.1:${port}`)?.[1] ?? instance;
}

const hasValue = (panel: DrawnPanel): boolean => panel.series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));

describe('a real Prometheus', () => {
  it('scrapes every target', async () => {
    await until(async () => (await prometheus.troubledTargets()).length === 0, { describe: 'every target is up' });
  });

  it.each(DASHBOARDS.map((dashboard) => [dashboard.title, dashboard] as const))(
    'has data for every panel of %s',
    async (title, { rows, about }) => {
      const drawn = async (): Promise<DrawnPanel[]> =>
        Promise.all(
          rows.flatMap(({ panels }) =>
            panels.flatMap(async (spec) => {
              const answers = spec.queries.map(async ([query, legend]) => {
                const series = await prometheus.range(filled(sentQuery(spec, query)), SPAN_SECONDS, STEP_SECONDS);
                return series.map(({ metric, points }) => ({
                  metric: { ...metric, instance: nameOf(metric['instance'] ?? '') },
                  points,
                  legend,
                }));
              });
              return { spec, series: (await Promise.all(answers)).flat() };
            }),
          ),
        );
      let panels: DrawnPanel[] = [];
      let empty: string[] = [];
      await until(
        async () => {
          panels = await drawn();
          empty = panels.filter((panel) => !hasValue(panel)).map(({ spec }) => spec.title);
          return empty.length === 0;
        },
        { ...LONG, describe: () => `no data: ${empty.join(', ')}; the last trouble of the load: ${load.trouble}` },
      );
      if (PICTURES !== undefined) writeDashboardPicture(PICTURES, slug(title), { title: `Parley / ${title}`, about }, panels);
    },
  );

  it.each(alertRules().map(({ alert, expr }) => [alert, expr] as const))('has the series of %s', async (_, expr) => {
    const selectors = [
      ...expr.matchAll(
        /(?<![\w:$"])((?:parley|process|nodejs|probe|hub|hub_code|hub_queue|instance)[a-z]*[_:][\w:]+|up)\b(\{[^}]*\})?(?!\s*\()/g,
      ),
    ].map(([, name = '', labels = '']) => name + labels);
    expect(selectors.length).toBeGreaterThan(0);
    for (const selector of selectors)
      await until(async () => (await prometheus.query(selector)).length > 0, { ...LONG, describe: selector });
  });
});

describe('an alert on a real fault', () => {
  const labelled = (alert: string, labels: Readonly<Record<string, string>>) => (one: ActiveAlert) =>
    one.labels['alertname'] === alert && Object.entries(labels).every(([name, value]) => one.labels[name] === value);

  async function fires(alert: string, labels: Readonly<Record<string, string>> = {}): Promise<ActiveAlert> {
    return until(async () => (await hasty.alerts()).find((one) => one.state === 'firing' && labelled(alert, labels)(one)), {
      ...LONG,
      describe: `${alert} fires`,
    });
  }

  async function isOver(alert: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await until(async () => !(await hasty.alerts()).some(labelled(alert, labels)), { ...LONG, describe: `${alert} is over` });
  }

  async function isActive(alert: string): Promise<boolean> {
    return (await hasty.alerts()).some(labelled(alert, {}));
  }

  it('ParleyCertificateEnds: a certificate of two days', async () => {
    const { annotations } = await fires('ParleyCertificateEnds');
    expect(annotations['description']).toMatch(/^The certificate of https:\/\/localhost:\d+\/ ends in 1d 23h/);
    await fires('ParleyCertificateNearEnd');
    expect(await isActive('ParleyEdgeDown')).toBe(false);
  });

  it('ParleyNodeDown: a gateway is killed; over once it is back', async () => {
    const gateway = hub.gateway(1);
    const instance = `127.0.0.1:${gateway.adminPort}`;
    await isOver('ParleyNodeDown');
    await gateway.kill9();
    const { labels, annotations } = await fires('ParleyNodeDown', { instance });
    expect(labels).toEqual({ alertname: 'ParleyNodeDown', job: 'parley-gateway', instance, severity: 'critical' });
    expect(annotations['description']).toBe(`parley-gateway at ${instance} has not answered Prometheus for 2 minutes.`);
    hub.gateways[1] = await GatewayProcess.start({ ...hub.settings, ADMIN_PORT: String(gateway.adminPort) });
    await isOver('ParleyNodeDown');
  });

  it('ParleyRedisDisconnected: Redis is killed; over once it is back', async () => {
    await isOver('ParleyRedisDisconnected');
    await redis.kill();
    for (const { adminPort } of hub.gateways) await fires('ParleyRedisDisconnected', { instance: `127.0.0.1:${adminPort}` });
    await redis.restart();
    await isOver('ParleyRedisDisconnected');
  });

  it('ParleyMailFailing: the mail server is stopped; over once it is back', async () => {
    await isOver('ParleyMailFailing');
    await smtp.stop();
    const asked = await fetch(`${api.url}/api/v1/auth/code`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'somebody@example.com' }),
    });
    expect(asked.ok).toBe(true);
    await fires('ParleyMailFailing');
    smtp = await SmtpServer.start({ port: smtp.port });
    await isOver('ParleyMailFailing');
  });

  it('ParleyStoreDown: PostgreSQL is frozen; over once it goes on', async () => {
    await isOver('ParleyStoreDown');
    postgres.freeze();
    try {
      await fires('ParleyStoreDown', { job: 'parley-gateway' });
      await fires('ParleyStoreLag', { job: 'parley-gateway' });
    } finally {
      postgres.thaw();
    }
    await isOver('ParleyStoreDown');
    await isOver('ParleyStoreLag');
  });
});
