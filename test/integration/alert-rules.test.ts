/** The recording rules and alerts of Prometheus, by promtool: `k8s/chart/files/rules/`. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '#deploy/check/step.ts';
import { ALERT_CASES, type AlertCase, faultOf } from '#test/support/alert-cases.ts';
import { changeSeries, hubSeries, inputSeries, type SimulatedProcess } from '#test/support/hub-series.ts';
import { alertRules, promtool, RULE_FILES, runbookQueries, testRules } from '#test/support/promtool.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

/** Half as often as in use: every evaluation costs. */
const STEP_SECONDS = 30;
/** Of cases of days. Windows of 5 minutes need several samples. */
const LONG_STEP_SECONDS = 120;
const HUB: readonly SimulatedProcess[] = [
  { job: 'parley-gateway', instance: 'gateway-1' },
  { job: 'parley-gateway', instance: 'gateway-2' },
  { job: 'parley-api', instance: 'api-1' },
  { job: 'parley-worker', instance: 'worker-1' },
];
/** The objectives alone: of three days. */
const SLO_FILES = RULE_FILES.filter((file) => file.endsWith('slo.yaml'));
const FIRING = 'ALERTS{alertstate="firing"}';

const seconds = (minutes: number): string => `${Math.round(minutes * 60)}s`;

/** Expects that no alert fired from the beginning up to this minute. */
const neverFired = (minute: number): object => ({
  expr: `count_over_time(${FIRING}[${seconds(minute)}])`,
  eval_time: seconds(minute),
  exp_samples: [],
});

/** Expects that this alert fires at this minute, and no other but those that come along. */
function fires({ alert, severity, labels, also = [] }: AlertCase, minute: number): object[] {
  const all = Object.entries({ alertname: alert, alertstate: 'firing', severity, ...labels });
  const text = all.map(([name, value]) => `${name}="${value}"`).join(',');
  const others = also.length === 0 ? FIRING : `ALERTS{alertstate="firing",alertname!~"${also.join('|')}"}`;
  return [
    { expr: others, eval_time: seconds(minute), exp_samples: [{ labels: `ALERTS{${text}}`, value: 1 }] },
    ...also.map((name) => ({
      expr: `count(ALERTS{alertstate="firing",alertname="${name}"})`,
      eval_time: seconds(minute),
      exp_samples: [{ labels: '{}', value: 1 }],
    })),
  ];
}

/** The test of a case, as promtool takes it. */
function caseTest(one: AlertCase): object {
  const [fault, step] = [faultOf(one), one.only === undefined ? STEP_SECONDS : LONG_STEP_SECONDS];
  const end = fault + Math.max(one.fires, one.over?.[1] ?? 0) + 1;
  const table = hubSeries(HUB, end, step);
  if (one.only !== undefined) for (const series of table.keys()) if (!one.only.some((part) => series.includes(part))) table.delete(series);
  for (const [parts, change] of one.changes) changeSeries(table, parts, step, fault, change);
  const over = one.over === undefined ? [] : [{ expr: FIRING, eval_time: seconds(fault + one.over[1]), exp_samples: [] }];
  return {
    name: one.alert,
    interval: seconds(step / 60),
    input_series: inputSeries(table),
    promql_expr_test: [neverFired(fault + one.quiet), ...fires(one, fault + one.fires), ...over],
  };
}

describe('an alert', () => {
  it.concurrent.each(ALERT_CASES.map((one, index) => [`${one.alert} (case ${index + 1})`, one] as const))(
    '%s fires at its fault, not before, and alone',
    async (_, one) => {
      if (one.only === undefined) await testRules(caseTest(one), seconds(STEP_SECONDS / 60));
      else await testRules(caseTest(one), '10m', SLO_FILES);
    },
  );

  it('has such a case, whichever it is', () => {
    expect(new Set(ALERT_CASES.map(({ alert }) => alert))).toEqual(new Set(alertRules().map(({ alert }) => alert)));
  });

  it('has in its texts only labels that it has', () => {
    for (const { alert, annotations = {} } of alertRules()) {
      const used = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, name = '']) => name);
      const known = ALERT_CASES.filter((one) => one.alert === alert).flatMap(({ labels }) => Object.keys(labels));
      expect([alert, used.filter((name) => !known.includes(name))]).toEqual([alert, []]);
    }
  });
});

describe('a rolling deploy', () => {
  const MINUTES = 24;
  const SCRAPE = '15s';

  async function nothingFires(processes: readonly SimulatedProcess[]): Promise<void> {
    const input = inputSeries(hubSeries(processes, MINUTES, 15));
    await testRules({ interval: SCRAPE, input_series: input, promql_expr_test: [neverFired(MINUTES)] }, SCRAPE);
  }

  it.concurrent('of Kubernetes raises no alert: a new pod, then an old one drains', async () => {
    await nothingFires([
      { job: 'parley-gateway', instance: 'gateway-a', leaves: 8.5 },
      { job: 'parley-gateway', instance: 'gateway-b', leaves: 11 },
      { job: 'parley-gateway', instance: 'gateway-c', from: 7 },
      { job: 'parley-gateway', instance: 'gateway-d', from: 9.75, downFor: 0.25 },
      { job: 'parley-api', instance: 'api-a', leaves: 8 },
      { job: 'parley-api', instance: 'api-b', from: 7 },
      { job: 'parley-worker', instance: 'worker-a', leaves: 8, downFor: 0.25 },
      { job: 'parley-worker', instance: 'worker-b', from: 7 },
    ]);
  });

  it.concurrent('of fixed machines raises no alert: each program ends and starts again', async () => {
    const job = 'parley-gateway';
    await nothingFires([
      { job, instance: 'gateway-1', leaves: 7, downFor: 0.5 },
      { job, instance: 'gateway-1', from: 8.75 },
      { job, instance: 'gateway-2', leaves: 12, downFor: 0.5 },
      { job, instance: 'gateway-2', from: 13.75 },
      { job: 'parley-api', instance: 'api-1', leaves: 9, downFor: 0.5 },
      { job: 'parley-api', instance: 'api-1', from: 9.75 },
      { job: 'parley-worker', instance: 'worker-1', leaves: 10, downFor: 0.5 },
      { job: 'parley-worker', instance: 'worker-1', from: 10.75 },
    ]);
  });
});

it('the queries of the runbook are PromQL', async () => {
  const pages = globSync('docs/runbooks/*.md', { cwd: ROOT }).map((path) => readFileSync(join(ROOT, path), 'utf8'));
  const queries = [...new Set(pages.flatMap(runbookQueries))];
  expect(queries.length).toBeGreaterThan(50);
  const folder = makeFolder('parley-queries-');
  const file = join(folder, 'queries.json');
  writeFileSync(
    file,
    JSON.stringify({ groups: [{ name: 'queries', rules: queries.map((expr, index) => ({ record: `query:${index}`, expr })) }] }),
  );
  await promtool('check', 'rules', file).finally(() => removeFolder(folder));
});

describe('the files', () => {
  it('have nothing that promtool objects to', async () => {
    await promtool('check', 'rules', '--lint=all', '--lint-fatal', ...RULE_FILES);
  });
});
