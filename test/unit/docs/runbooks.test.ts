import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '#deploy/check/step.ts';
import { alertRules, recordingRules, runbookQueries } from '#test/support/promtool.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PAGES = globSync('docs/runbooks/Parley*.md', { cwd: ROOT }).toSorted();
const HEADINGS = ['What it means', 'Where to look', 'What to do', 'How to know it is over'];
/** The place of the pages until the operator names theirs (`prometheusRule.runbooks` of the chart). */
const PLACE = 'https://parley.example/docs/runbooks/';

describe.each(alertRules().map((rule) => [rule.alert, rule] as const))('%s', (alert, { labels, annotations = {} }) => {
  it('has a severity, a summary, a description and a page that is there', () => {
    expect(['critical', 'warning']).toContain(labels?.['severity']);
    expect(Object.keys(annotations).toSorted()).toEqual(['description', 'runbook_url', 'summary']);
    for (const text of [annotations['summary'], annotations['description']]) expect(text).toMatch(/^[A-Z"{].{10,}\.$/s);
    expect(annotations['runbook_url']).toBe(`${PLACE}${alert}.md`);
    expect(existsSync(join(ROOT, 'docs', 'runbooks', `${alert}.md`))).toBe(true);
  });

  it('has a page that says what it means, where to look, what to do and how to know it is over', () => {
    const page = read(`docs/runbooks/${alert}.md`);
    expect(page).toMatch(new RegExp(`^# ${alert}\n\n\\S`));
    expect([...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual(HEADINGS);
    for (const section of page.split(/^## .*$/m)) expect(section.trim().length).toBeGreaterThan(20);
    expect(runbookQueries(page).length).toBeGreaterThan(0);
  });
});

describe('the pages of the runbook', () => {
  it('belong to an alert, each', () => {
    expect(PAGES.map((path) => basename(path, '.md'))).toEqual(
      alertRules()
        .map(({ alert }) => alert)
        .toSorted(),
    );
  });

  it('lead to pages that are there', () => {
    for (const path of PAGES)
      for (const [, link = ''] of read(path).matchAll(/\]\(([^)#]+)\)/g))
        expect([path, link, existsSync(join(ROOT, 'docs/runbooks', link))]).toEqual([path, link, true]);
  });

  it('name lines of the log as the code writes them', () => {
    const code = globSync('{libs,services}/**/*.ts', { cwd: ROOT }).map(read).join('\n');
    for (const path of PAGES)
      for (const [, line = ''] of read(path).matchAll(/^- Log: `([^`]+)`/gm))
        expect([path, line, code.includes(line)]).toEqual([path, line, true]);
  });

  it('are all in the list of alerts', () => {
    const list = [...read('docs/runbooks/README.md').matchAll(/^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (.*) \|$/gm)].map(
      ([, name, file, severity, what]) => [name, file, severity, what],
    );
    expect(list).toEqual(
      alertRules().map(({ alert, labels, annotations }) => [alert, alert, labels?.['severity'], annotations?.['summary']]),
    );
  });
});

describe('the rules', () => {
  it('have unique names; those of recorded series are level:metric:operations', () => {
    const records = recordingRules().map(({ record }) => record);
    for (const record of records) expect(record).toMatch(/^(hub|hub_code|hub_queue|instance):[a-z0-9_]+:[a-z0-9_]+$/);
    const names = [...records, ...alertRules().map(({ alert }) => alert)];
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('record nothing that nobody reads', () => {
    const readers = [...globSync('k8s/chart/files/{rules/*.yaml,dashboards/*.json}', { cwd: ROOT }).map(read), ...PAGES.map(read)].join(
      '\n',
    );
    for (const { record } of recordingRules()) expect([record, readers.split(record).length > 2]).toEqual([record, true]);
  });
});
