/** `npm run check`, for each commit: types, formatting and lint, layers, dead code, unit tests. */

import { runTests } from './run-tests.ts';
import { runStaticSteps, tellStep } from './step.ts';

const brokenSteps = await runStaticSteps();
const started = performance.now();
const counts = await runTests(['unit']);
for (const problem of counts.problems) console.log(problem);
const unitPassed = counts.failed === 0 && counts.problems.length === 0;
tellStep('unit', unitPassed, performance.now() - started);

process.exit(brokenSteps.length === 0 && unitPassed ? 0 : 1);
