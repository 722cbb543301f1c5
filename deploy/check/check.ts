/** `npm run check`: what a developer runs before each commit. Types, formatting and lint, layers, dead code, unit tests. */

import { runTests } from './run-tests.ts';
import { runStep, STATIC_STEPS, tellStep } from './step.ts';

let passed = true;
for (const step of STATIC_STEPS) passed = (await runStep(step)) && passed;

const started = performance.now();
const counts = await runTests(['unit']);
for (const problem of counts.problems) console.log(problem);
const unitPassed = counts.failed === 0 && counts.problems.length === 0;
tellStep('unit', unitPassed, performance.now() - started);

process.exit(passed && unitPassed ? 0 : 1);
