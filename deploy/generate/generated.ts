/** Everything that is made from the tables of the code and kept in the repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capacityTables } from '#bench/scale/capacity.ts';
import { page, plots } from '#bench/scale/page.ts';
import { RESULTS, readResults } from '#bench/scale/results.ts';
import { dashboardFiles } from '#deploy/grafana/dashboards.ts';
import { chartSchema } from './chart-schema.ts';
import { clientTables } from './client-readme.ts';
import { envExample } from './env-example.ts';
import { frameTypes } from './frame-types.ts';
import { errorTable, frameTables, powerTable } from './spec-tables.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** A file as it has to be. */
export interface GeneratedFile {
  readonly path: string;
  /** The present text. */
  readonly found: string;
  readonly wanted: string;
}

function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return '';
  }
}

/** Puts a part between its two marks, which have lines of their own, with their indent. */
function withPart(document: string, name: string, part: string): string {
  const marks = new RegExp(`^( *)<!-- generated: ${name} -->\n[^]*?^ *<!-- end: ${name} -->$`, 'm');
  if (!marks.test(document)) throw new Error(`no part "${name}" in the document`);
  return document.replace(marks, (_, indent: string) =>
    [`<!-- generated: ${name} -->`, '', ...part.split('\n'), '', `<!-- end: ${name} -->`]
      .map((line) => (line === '' ? '' : indent + line))
      .join('\n'),
  );
}

function file(path: string, make: (found: string) => string): GeneratedFile {
  const found = read(path);
  return { path, found, wanted: make(found) };
}

/** The pages and plots that are made from the results of `npm run bench -- scale`. */
function scaled(): GeneratedFile[] {
  const results = readResults(RESULTS);
  if (results === undefined) throw new Error(`there are no results at ${RESULTS.pathname}`);
  return [
    file('docs/capacity.md', (found) => withPart(found, 'capacity', capacityTables(results))),
    file('bench/SCALE.md', () => page(results)),
    ...Object.entries(plots(results)).map(([name, svg]) => file(`bench/scale/results/${name}`, () => svg)),
  ];
}

/** Every generated file, and every document with generated parts. */
export function generatedFiles(): GeneratedFile[] {
  const types = frameTypes();
  const { calls, events } = clientTables(types);
  return [
    file('.env.example', envExample),
    file('libs/protocol/frame-types.ts', () => types),
    file('k8s/chart/values.schema.json', chartSchema),
    ...dashboardFiles().map(({ path, text }) => file(path, () => text)),
    file('SPEC.md', (found) =>
      withPart(withPart(withPart(found, 'powers', powerTable()), 'frames', frameTables()), 'errors', errorTable()),
    ),
    ...scaled(),
    file('libs/client/README.md', (found) => withPart(withPart(found, 'calls', calls), 'events', events)),
  ];
}
