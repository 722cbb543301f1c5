/**
 * Checks the imports against the layers (`.dependency-cruiser.mjs`), and that one module reads the
 * environment.
 */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import { ROOT } from './step.ts';

/** With fewer modules than this the check has not seen the project. */
const MODULES_MIN = 600;

const FOLDERS = ['libs', 'services', 'bench', 'test', 'deploy'];

/** Programs and libraries. Tests and benches start processes with environments of their own. */
const SHIPPED = ['libs/**/*.ts', 'services/**/*.{ts,tsx}'];

/** Only reading counts: a variable for a native library may be set. */
const ENVIRONMENT =
  /\bprocess\s*(\?\.|\.)\s*env\b(?!\.\w+ = )|\bprocess\s*\[\s*['"`]env\b|import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*['"](node:)?process['"]/;

process.chdir(ROOT);
const problems: string[] = [];

const { output } = await cruise(FOLDERS, await extractOptions(join(ROOT, '.dependency-cruiser.mjs')));
if (typeof output === 'string') throw new TypeError('dependency-cruiser answered with text instead of a result.');
const { summary, modules }: ICruiseResult = output;
for (const { from, to, rule, cycle } of summary.violations) {
  problems.push(`${rule.name}: ${from} -> ${cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ')}`);
}

const ours = modules.filter(({ source }) => FOLDERS.some((folder) => source.startsWith(`${folder}/`)) && !source.includes('node_modules'));
if (ours.length < MODULES_MIN) problems.push(`only ${ours.length} modules were looked at: at least ${MODULES_MIN} are there.`);

const files = globSync(SHIPPED).filter((file) => !file.includes('node_modules'));
if (files.length === 0) problems.push('no file was searched for process.env.');
for (const file of files) {
  if (!file.startsWith('libs/config/') && ENVIRONMENT.test(readFileSync(file, 'utf8'))) {
    problems.push(`environment: ${file} reads process.env; libs/config alone does.`);
  }
}

for (const problem of problems) console.error(problem);
console.log(`${ours.length} modules, ${summary.totalDependenciesCruised ?? 0} imports looked at.`);
process.exitCode = problems.length === 0 ? 0 : 1;
