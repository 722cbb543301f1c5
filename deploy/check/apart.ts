/**
 * `npm run test:bench`, `test:image`, `test:monitoring`, `test:pages`, `test:upgrade` and `test:walk`:
 * the project of `vitest.config.ts` that the argument names. They take minutes, or what they show is for people:
 * but for the image they are no part of `npm test`.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runTests } from './run-tests.ts';
import { ROOT } from './step.ts';

const projects = process.argv.slice(2);
const { passed, failed, problems } = await runTests(projects);
for (const problem of problems) console.log(problem);
for (const screenshots of projects.map((project) => join(ROOT, 'test', 'artifacts', project)))
  if (existsSync(screenshots)) console.log(`The screenshots are in ${screenshots}.`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 0 && failed === 0 && problems.length === 0 ? 0 : 1);
