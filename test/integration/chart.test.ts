/** The chart itself: helm's lint, its schema of values, and the manifests made from it. */
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '#deploy/check/step.ts';
import { CHART, manifestFiles, type Render, render, VARIANTS, valueArguments } from '#deploy/kubernetes/manifests.ts';
import { runTool } from '#deploy/kubernetes/tools.ts';
import type { Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import { objectsOf, RELEASES, release } from '#test/support/chart.ts';
import { schemaProblems } from '#test/support/kubernetes-schemas.ts';
import { ruleGroups } from '#test/support/promtool.ts';
import { makeFolder } from '#test/support/temp-folder.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PROD: Render = RELEASES['prod'] ?? {};

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
}

const schema = JSON.parse(read('k8s/chart/values.schema.json')) as Schema;

describe('the chart', () => {
  test('has the version of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(parse(read('k8s/chart/Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });

  test.each(Object.keys(RELEASES))('passes a strict lint: %s', async (name) => {
    const { code, stdout, stderr } = await runTool('helm', ['lint', CHART, '--strict', '--quiet', ...valueArguments(RELEASES[name] ?? {})]);
    expect(code, stdout + stderr).toBe(0);
  });

  test('every file of values is rendered by these tests', () => {
    const used = Object.values(RELEASES).flatMap(({ values = [] }) => values);
    expect(globSync('k8s/values/*.yaml', { cwd: ROOT }).filter((file) => !used.includes(file))).toEqual([]);
  });
});

describe('the manifests', () => {
  test('are what the chart renders', async () => {
    const old = (await manifestFiles()).filter(({ found, wanted }) => found !== wanted).map(({ path }) => path);
    expect(old, 'run `npm run generate`').toEqual([]);
  });

  test.each(VARIANTS)('kubectl builds %s: the same objects', async (variant) => {
    const { code, stdout, stderr } = await runTool('kubectl', ['kustomize', join('k8s', 'manifests', variant)]);
    expect(code, stderr).toBe(0);
    const sorted = (objects: readonly { kind: string; metadata: { name: string } }[]): string[] =>
      objects.map((object) => `${object.kind} ${object.metadata.name} ${JSON.stringify(object).length}`).toSorted();
    expect(sorted(objectsOf(stdout))).toEqual(sorted(await release(variant)));
  });
});

describe('a value', () => {
  test.each<[string, Render['set'], RegExp]>([
    ['that is misspelled', { 'gatway.replicas': 3 }, /gatway/],
    ['that is misspelled below', { 'shutdown.prestopSeconds': 3 }, /prestopSeconds/],
    ['of another type', { 'gateway.replicas': '3' }, /replicas/],
    ['out of range', { 'shutdown.preStopSeconds': -1 }, /preStopSeconds/],
    ['that is no setting', { 'settings.DRAIN_SECOND': 3 }, /DRAIN_SECOND/],
    ['that its setting does not take', { 'settings.HEARTBEAT_SECONDS': 33 }, /HEARTBEAT_SECONDS/],
    ['that is a secret, among settings', { 'settings.JWT_SECRET': 'x' }, /JWT_SECRET/],
    ['that the chart sets itself', { 'settings.PORT': 80 }, /PORT/],
    ['that takes a limit out', { 'api.resources.limits.memory': null }, /memory/],
    ['that leaves the drain unknown', { 'settings.DRAIN_SECONDS': null }, /DRAIN_SECONDS/],
    ['that opens two entrances', { gatewayApi: { enabled: true, host: 'a.example.com', parent: { name: 'a' } } }, /exclude each other/],
    ['without a secret', { 'secrets.existing': '' }, /secrets.existing names a Secret/],
    [
      'that makes a Secret and leaves out an address',
      { 'secrets.existing': '', 'secrets.create': true },
      /secrets.values.REDIS_URL is needed/,
    ],
  ])('%s is refused, and named', async (_, set, problem) => {
    await expect(render({ ...PROD, ...(set && { set }) })).rejects.toThrow(problem);
  });

  test('has a default if the schema knows it', () => {
    const values: unknown = parse(read('k8s/chart/values.yaml'));
    const free = new Set(['settings', 'secrets.values', 'gatewayApi.parent', 'global']);
    const missing = (part: Schema, has: unknown, path: string): string[] =>
      Object.entries(part.properties ?? {}).flatMap(([name, below]) => {
        const where = path === '' ? name : `${path}.${name}`;
        if (free.has(where)) return [];
        const value = (has as Record<string, unknown> | undefined)?.[name];
        return value === undefined ? [where] : missing(below, value, where);
      });
    expect(missing(schema, values, '')).toEqual([]);
  });

  test('is known at every level: no part of the schema takes other members', () => {
    const open = (part: Schema, path: string): string[] => [
      ...(part.properties !== undefined && part.additionalProperties !== false ? [path] : []),
      ...Object.entries(part.properties ?? {}).flatMap(([name, below]) => open(below, `${path}/${name}`)),
    ];
    expect(open(schema, '')).toEqual([]);
  });

  test('may be every setting that is neither a secret nor the chart’s own', () => {
    const secrets = Object.values<Setting<unknown>>(SETTINGS).filter(({ secret }) => secret);
    const own = ['PORT', 'ADMIN_PORT', 'HOST', 'ADMIN_HOST', 'NODE_ID'];
    const names = Object.values<Setting<unknown>>(SETTINGS).map(({ name }) => name);
    const left = names.filter((name) => !own.includes(name) && !secrets.some((secret) => secret.name === name));
    expect(Object.keys(schema.properties?.['settings']?.properties ?? {})).toEqual(left);
  });

  test('reaches the program as it is written: on, large numbers, texts', async () => {
    const objects = await release('made secrets, keys, a path');
    const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'parley-settings');
    expect(map?.['data']).toMatchObject({ ALLOW_GUESTS: 'on', USER_BYTES_BURST: '1000000000', PUBLIC_URL: 'https://example.com/chat' });
  });
});

test('a Secret that the chart makes has its own random JWT_SECRET, long enough', async () => {
  const secretOf = async (): Promise<string> => {
    const objects = objectsOf(await render(RELEASES['made secrets, keys, a path']));
    const data = objects.find(({ kind }) => kind === 'Secret')?.['data'] as Readonly<Record<string, string>> | undefined;
    return Buffer.from(data?.['JWT_SECRET'] ?? '', 'base64').toString();
  };
  const [one, other] = await Promise.all([secretOf(), secretOf()]);
  expect(one).toMatch(/^[A-Za-z0-9]{48}$/);
  expect(other).not.toBe(one);
});

test('changed settings start a rollout and a new Job; the same ones do not', async () => {
  const marks = async (set: Render['set']): Promise<string[]> =>
    objectsOf(await render({ ...PROD, ...(set && { set }) })).flatMap(({ kind, metadata, spec }) => {
      if (kind === 'Job') return [metadata.name];
      if (kind !== 'Deployment') return [];
      return [JSON.stringify((spec as { template: { metadata: { annotations: object } } }).template.metadata.annotations)];
    });
  const [before, same, after] = await Promise.all([marks({}), marks({}), marks({ 'settings.LOG_LEVEL': 'debug' })]);
  expect(before).toHaveLength(4);
  expect(same).toEqual(before);
  expect(after.filter((mark) => before.includes(mark))).toEqual([]);
});

test('terminationGracePeriodSeconds follows DRAIN_SECONDS', async () => {
  const graces = objectsOf(await render({ ...PROD, set: { 'settings.DRAIN_SECONDS': 300 } })).flatMap(({ kind, spec }) =>
    kind === 'Deployment'
      ? [(spec as { template: { spec: { terminationGracePeriodSeconds: number } } }).template.spec.terminationGracePeriodSeconds]
      : [],
  );
  expect(graces).toEqual([320, 320, 320]);
});

test('alerts lead to the runbook of the operator, and are those of the files otherwise', async () => {
  const objects = objectsOf(await render({ ...PROD, set: { 'prometheusRule.runbooks': 'https://wiki.example.com/parley' } }));
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule');
  const text = JSON.stringify(rule?.['spec']).replaceAll('https://wiki.example.com/parley/', 'https://parley.example/docs/runbooks/');
  expect(JSON.parse(text)).toEqual({ groups: ruleGroups() });
  expect(JSON.stringify(rule)).not.toContain('parley.example');
});

test('a dashboard becomes a ConfigMap that the sidecar of Grafana finds', async () => {
  const folder = makeFolder('parley-chart-');
  const chart = join(folder, 'chart');
  cpSync(join(ROOT, CHART), chart, { recursive: true });
  mkdirSync(join(chart, 'files', 'dashboards'), { recursive: true });
  writeFileSync(join(chart, 'files', 'dashboards', 'Any.json'), '{ "title": "Any" }\n');
  const objects = objectsOf(await render({ ...PROD, chart }));
  const dashboard = objects.find(({ metadata }) => metadata.name === 'parley-dashboard-any');
  expect(dashboard).toMatchObject({ metadata: { labels: { grafana_dashboard: '1' } }, data: { 'Any.json': '{"title":"Any"}' } });
  expect(objects.flatMap(schemaProblems)).toEqual([]);
});
