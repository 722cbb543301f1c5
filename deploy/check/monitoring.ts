/**
 * `npm run test:monitoring`: a real Prometheus looks at a real hub. Apart from `npm test`: it takes
 * minutes.
 */

import { runTests } from './run-tests.ts';

const { passed, failed, problems } = await runTests(['monitoring']);
for (const problem of problems) console.log(problem);
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 0 && failed === 0 && problems.length === 0 ? 0 : 1);
