import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultText } from '#deploy/generate/env-example.ts';
import type { Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import { METRICS } from '#libs/telemetry/metric-table.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Files and folders that a build makes. */
const BUILT = new Set(['services/web/dist', 'libs/client/dist', 'libs/client/parley-client.tgz']);
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Lines of a document's tables whose first cell is a name in backquotes that matches. */
function rows(document: string, name: RegExp): string[] {
  return document.split('\n').filter((line) => name.test(/^\| `([^`]+)` \|/.exec(line)?.[1] ?? ''));
}

function settingRow(setting: Setting<unknown>): string {
  const zero = setting.zero === undefined ? '' : ` 0: ${setting.zero}.`;
  const secret = setting.secret ? ` Secret: \`${setting.name}_FILE\` names a file with it.` : '';
  return `| \`${setting.name}\` | ${setting.kind.takes} | ${defaultText(setting)} | ${setting.meaning}${zero}${secret} |`;
}

describe('the documents', () => {
  it("have the settings table of the code in README.md, whole and in the code's order", () => {
    expect(rows(read('README.md'), /^[A-Z][A-Z_]+$/)).toEqual(Object.values<Setting<unknown>>(SETTINGS).map(settingRow));
  });

  it('have the metrics table of the code in ARCHITECTURE.md, whole', () => {
    const expected = METRICS.map(({ name, kind, label, help }) => `| \`${name}\` | ${kind} | ${label ?? ''} | ${help} |`);
    expect(rows(read('ARCHITECTURE.md'), /^parley_/)).toEqual(expected);
  });

  it('have the scripts of package.json in README.md', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    // A script has a row, and may have another one with an argument.
    const named = new Set(rows(read('README.md'), /^npm /).map((line) => /`npm (?:run )?([a-z:]+)(?: -- \w+)?`/.exec(line)?.[1]));
    expect([...named].toSorted()).toEqual(Object.keys(scripts).toSorted());
  });

  it('lead to files that are there', () => {
    for (const document of [
      'README.md',
      'ARCHITECTURE.md',
      'SPEC.md',
      'deploy/README.md',
      'deploy/prometheus/README.md',
      'k8s/README.md',
      'docs/runbooks/README.md',
      'docs/dashboards/README.md',
    ]) {
      for (const [, path = ''] of read(document).matchAll(/\]\(([^)#:]+)\)/g))
        expect(globSync(path, { cwd: join(ROOT, dirname(document)) })).toEqual([path]);
    }
  });

  it('name only settings that there are', () => {
    const names = new Set<string>(Object.values(SETTINGS).flatMap(({ name }) => [name, `${name}_FILE`]));
    for (const document of globSync('docs/*.md', { cwd: ROOT })) {
      const named = [...read(document).matchAll(/`([A-Z]+(?:_[A-Z]+)+)\b/g)].map(([, name = '']) => name);
      expect([document, named.filter((name) => !names.has(name))]).toEqual([document, []]);
    }
  });

  it('name only files and folders that are there', () => {
    for (const document of ['README.md', 'ARCHITECTURE.md', 'SPEC.md']) {
      const named = [...read(document).matchAll(/`((?:libs|services|test|deploy|bench)\/[\w./*-]+)`/g)].map(([, path = '']) => path);
      const missing = named.filter((path) => globSync(path, { cwd: ROOT }).length === 0 && !BUILT.has(path));
      expect([document, missing]).toEqual([document, []]);
    }
  });

  it('have the version of package.json in the changelog, or changes that wait for one', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('CHANGELOG.md')).toMatch(new RegExp(`^## (Unreleased|${version.replaceAll('.', '\\.')})`, 'm'));
  });
});

describe('the rules of SPEC.md', () => {
  it('are all there, each once', () => {
    const all = [...read('SPEC.md').matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map((match) => match[1]);
    const rules = { H: 9, R: 7, F: 9, M: 7, P: 4, D: 1, A: 17 };
    expect(all).toEqual(
      Object.entries(rules).flatMap(([letter, most]) => Array.from({ length: most }, (_, index) => `${letter}${index + 1}`)),
    );
  });
});
