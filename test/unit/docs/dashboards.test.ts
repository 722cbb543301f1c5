import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '#deploy/check/step.ts';
import { DASHBOARDS, dashboardFiles } from '#deploy/grafana/dashboards.ts';
import { METRICS } from '#libs/telemetry/metric-table.ts';
import { alertRules, recordingRules } from '#test/support/promtool.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const RUNBOOK = globSync('docs/runbooks/Parley*.md', { cwd: ROOT }).toSorted();
/** Series of Prometheus itself, of Node, and of blackbox-exporter. */
const FOREIGN =
  /^(up|ALERTS|process_(cpu_seconds_total|start_time_seconds|resident_memory_bytes|open_fds|max_fds)|nodejs_heap_size_used_bytes|probe_(success|http_status_code|ssl_earliest_cert_expiry))$/;
const HISTOGRAMS = METRICS.flatMap(({ name, kind }) => (kind === 'histogram' ? [name] : []));
const KNOWN = new Set([
  ...METRICS.flatMap(({ name, kind }) => (kind === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name])),
  ...recordingRules().map(({ record }) => record),
]);

/** The names of series in a query: what is followed by a selector, a range or an operator. */
function seriesOf(query: string): string[] {
  const bare = query.replaceAll(/"[^"]*"/g, '""').replaceAll(/\b(by|on|without|group_left|ignoring)\s*\([^)]*\)/g, ' ');
  return [
    ...bare
      .replaceAll(/\{[^}]*\}/g, ' ')
      .matchAll(/(?<![\w:$.])((?:parley|process|nodejs|probe|hub|hub_code|hub_queue|instance)[a-z]*[_:][\w:]+|up|ALERTS)\b/g),
  ].map(([, name = '']) => name);
}

const unknown = (query: string): string[] => seriesOf(query).filter((name) => !KNOWN.has(name) && !FOREIGN.test(name));
const PANELS = DASHBOARDS.flatMap(({ title, rows }) =>
  rows.flatMap(({ panels }) => panels.map((panel) => [`${title}: ${panel.title}`, panel] as const)),
);

describe('the dashboards', () => {
  it('are nine, each in a file', () => {
    expect(DASHBOARDS.map(({ title }) => title)).toEqual([
      'Overview',
      'Nodes',
      'Relay and Redis',
      'Presence',
      'Auth and abuse',
      'API',
      'Jobs and mail',
      'Store',
      'Capacity',
    ]);
    expect(globSync('k8s/chart/files/dashboards/*', { cwd: ROOT }).toSorted()).toEqual(
      dashboardFiles()
        .map(({ path }) => path)
        .toSorted(),
    );
  });

  it.each(PANELS)('%s names series that exist, and takes quantiles from histograms', (_, { queries, about }) => {
    expect(about).toMatch(/\S.+\.$/);
    for (const [query] of queries) {
      expect(seriesOf(query).length, query).toBeGreaterThan(0);
      expect(unknown(query)).toEqual([]);
      expect(query).not.toMatch(/quantile="/);
      const quantiles = query.split('histogram_quantile(').length - 1;
      const fromHistograms = HISTOGRAMS.filter((name) => query.includes(`(rate(${name}_bucket{`)).length;
      expect(quantiles === 0 || fromHistograms === quantiles, query).toBe(true);
      expect(query.includes('$quantile')).toBe(quantiles > 0);
    }
  });

  it('show every metric that is no part of a histogram', () => {
    const all = [...PANELS.flatMap(([, { queries }]) => queries.map(([query]) => query)), ...recordingRules().map(({ expr }) => expr)].join(
      '\n',
    );
    expect(METRICS.filter(({ name }) => !all.includes(name)).map(({ name }) => name)).toEqual([]);
  });

  it.each(dashboardFiles())('$path has its rows collapsed below the first, and its choices', ({ text }) => {
    const { panels, templating } = JSON.parse(text) as {
      panels: readonly { type: string; collapsed?: boolean; title: string; panels?: readonly { title: string }[] }[];
      templating: { list: readonly { name: string }[] };
    };
    expect(panels[0]).toMatchObject({ type: 'row', collapsed: false });
    const rows = panels.filter(({ type }) => type === 'row');
    expect(rows.slice(1).every(({ collapsed }) => collapsed === true)).toBe(true);
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'namespace', 'job', 'instance', 'quantile']);
    const titles = panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel])).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });
});

describe('the rules and the runbook', () => {
  it('name series that exist', () => {
    const rules = [...recordingRules(), ...alertRules()].map(({ expr }) => expr);
    const queries = RUNBOOK.flatMap((path) => [...read(path).matchAll(/^- Query: `([^`]+)`/gm)].map(([, query = '']) => query));
    expect([...rules, ...queries].flatMap(unknown)).toEqual([]);
  });

  it('name panels that are there', () => {
    for (const path of RUNBOOK) {
      for (const [line, title, names = ''] of read(path).matchAll(/^- Dashboard: ([^,\n]+), panels? (.*)$/gm)) {
        const titles =
          DASHBOARDS.find((dashboard) => dashboard.title === title)?.rows.flatMap(({ panels }) => panels.map((panel) => panel.title)) ?? [];
        const named = [...names.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name);
        expect(named.length, line).toBeGreaterThan(0);
        expect([path, named.filter((name) => !titles.includes(name))]).toEqual([path, []]);
      }
    }
  });
});
