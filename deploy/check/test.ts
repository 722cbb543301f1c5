/** `npm test`: the steps of the check, then every test. The last line is `N passed, N failed`. */

import { runTests } from './run-tests.ts';
import { runStaticSteps } from './step.ts';

const PROJECTS = ['unit', 'contract', 'integration', 'doors', 'unhurried', 'web', 'image', 'e2e', 'chaos'];

const brokenSteps = await runStaticSteps();
const { passed, failed, problems } = await runTests(PROJECTS);
for (const problem of problems) console.log(problem);
if (brokenSteps.length > 0) console.log(`Not tests, and failed: ${brokenSteps.join(', ')}; counted below.`);
const failures = failed + brokenSteps.length;
console.log(`${passed} passed, ${failures} failed`);
process.exit(passed > 0 && failures === 0 && problems.length === 0 ? 0 : 1);
