/** promtool of Prometheus, and the rules of the chart. */
import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '#deploy/check/step.ts';
import { makeFolder, removeFolder } from './temp-folder.ts';

/** The files of rules, the one truth for Kubernetes and compose. */
export const RULE_FILES: readonly string[] = globSync('k8s/chart/files/rules/*.yaml', { cwd: ROOT })
  .map((file) => join(ROOT, file))
  .toSorted();

/** A rule that records a series. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** A rule that raises an alert. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A group of rules, as it stands in a file. */
export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (RecordingRule | AlertRule)[];
}

/** The groups of all files. */
export function ruleGroups(): readonly RuleGroup[] {
  return RULE_FILES.flatMap((file) => (parse(readFileSync(file, 'utf8')) as { groups: readonly RuleGroup[] }).groups);
}

/** All alerts, in the order of the files. */
export function alertRules(): readonly AlertRule[] {
  return ruleGroups().flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule));
}

/** All recording rules. */
export function recordingRules(): readonly RecordingRule[] {
  return ruleGroups().flatMap(({ rules }) => rules.filter((rule) => 'record' in rule));
}

/** The queries that a page of the runbook names. */
export function runbookQueries(page: string): string[] {
  return [...page.matchAll(/^- Query: `([^`]+)`/gm)].map(([, query = '']) => query);
}

/** Runs promtool. Resolves with its output; rejects with it if promtool finds a fault. */
export function promtool(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('promtool', [...args], { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new Error(`promtool ${args.slice(0, 2).join(' ')}: ${error.code ?? ''}\n${stdout}${stderr}`.slice(0, 20_000)));
    });
  });
}

/**
 * Tests rules with `promtool test rules`. YAML is a superset of JSON.
 *
 * @param files Default: all.
 */
export async function testRules(test: object, evaluationInterval: string, files = RULE_FILES): Promise<void> {
  const folder = makeFolder('parley-rules-');
  const file = join(folder, 'test.json');
  // Without an order promtool takes any: an alert that is evaluated before what it reads would see nothing.
  const names = ruleGroups().map(({ name }) => name);
  const order = [...names.filter((name) => name.endsWith('recordings')), ...names.filter((name) => !name.endsWith('recordings'))];
  const whole = { rule_files: files, evaluation_interval: evaluationInterval, group_eval_order: order, tests: [test] };
  writeFileSync(file, JSON.stringify(whole));
  try {
    await promtool('test', 'rules', file);
  } finally {
    removeFolder(folder);
  }
}
