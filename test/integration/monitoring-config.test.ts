import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DEPLOY = join(ROOT, 'deploy');
const RULES = join(ROOT, 'k8s', 'chart', 'files', 'rules');
const read = (...path: string[]): string => readFileSync(join(DEPLOY, ...path), 'utf8');

interface Service {
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}
interface Prometheus {
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
  readonly alerting: { readonly alertmanagers: readonly Prometheus['scrape_configs'][number][] };
}

const { services } = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> };

let folder: string;
beforeAll(() => {
  folder = makeFolder('parley-monitoring-');
  cpSync(RULES, join(folder, 'rules'), { recursive: true });
});
afterAll(() => removeFolder(folder));

/** Runs a tool of Prometheus. Throws with what it printed if it finds a fault. */
const tool = (program: 'promtool' | 'amtool', ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });

describe('the monitoring of deploy/compose.yaml', () => {
  it('has a configuration that Prometheus takes, with every rule', () => {
    const file = join(folder, 'prometheus.yaml');
    const text = read('prometheus', 'prometheus.yaml');
    expect(text).toContain('/etc/prometheus/rules/*.yaml');
    writeFileSync(file, text.replace('/etc/prometheus/rules', join(folder, 'rules')));
    const said = tool('promtool', 'check', 'config', file);
    expect(said).toContain(`${readdirSync(RULES).length} rule files found`);
    writeFileSync(file, text.replace('scrape_configs', 'scrape_config'));
    expect(() => tool('promtool', 'check', 'config', file)).toThrow('scrape_config');
  });

  it('has a configuration that Alertmanager takes, and names only alerts that there are', () => {
    const file = join(DEPLOY, 'alertmanager', 'alertmanager.yaml');
    expect(tool('amtool', 'check-config', file)).toContain('SUCCESS');
    const alerts = new Set(
      readdirSync(RULES).flatMap((name) =>
        [...readFileSync(join(RULES, name), 'utf8').matchAll(/alert: (\w+)/g)].map(([, alert]) => alert),
      ),
    );
    const named = [...readFileSync(file, 'utf8').matchAll(/alertname="(\w+)"/g)].map(([, alert]) => alert);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((alert) => !alerts.has(alert))).toEqual([]);
    const broken = join(folder, 'alertmanager.yaml');
    writeFileSync(broken, readFileSync(file, 'utf8').replace('receiver: on-call', 'receiver: nobody'));
    expect(() => tool('amtool', 'check-config', broken)).toThrow('failed to validate');
  });

  it('asks services that there are, each program under the job by which rules find it', () => {
    const { scrape_configs: jobs, alerting } = parse(read('prometheus', 'prometheus.yaml')) as Prometheus;
    const hosts = [...jobs, ...alerting.alertmanagers].flatMap(({ static_configs }) => static_configs.flatMap(({ targets }) => targets));
    expect(hosts.filter((host) => services[host.split(':')[0] ?? ''] === undefined)).toEqual([]);
    expect(jobs.map(({ job_name }) => job_name)).toEqual(['parley-gateway', 'parley-api', 'parley-worker']);
    const [source] = (parse(read('grafana', 'provisioning', 'datasources', 'prometheus.yaml')) as { datasources: { url: string }[] })
      .datasources;
    expect(source?.url).toBe('http://prometheus:9090');
  });

  it('mounts files and folders that there are, and gives Grafana the dashboards where it looks for them', () => {
    const dashboards = '../k8s/chart/files/dashboards';
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes.filter((volume) => volume.startsWith('.')));
    expect(mounts.length).toBeGreaterThan(5);
    // The folder of dashboards is made of code, and a test of its own looks at what is in it.
    const others = mounts.filter((mount) => !mount.startsWith(`${dashboards}:`));
    expect(others.filter((mount) => !existsSync(join(DEPLOY, mount.split(':')[0] ?? '')))).toEqual([]);
    expect(mounts.every((mount) => mount.endsWith(':ro'))).toBe(true);
    const { providers } = parse(read('grafana', 'provisioning', 'dashboards', 'parley.yaml')) as {
      providers: { options: { path: string } }[];
    };
    expect(services['grafana']?.volumes).toContain(`${dashboards}:${providers[0]?.options.path}:ro`);
  });
});
