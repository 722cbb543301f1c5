/**
 * `npm run test:pages`: looks at every page in pairwise combinations. Apart from `npm test`: it takes
 * minutes, and its screenshots are for people.
 */

import { fileURLToPath } from 'node:url';
import { runTests } from './run-tests.ts';

const SCREENSHOTS = fileURLToPath(new URL('../../test/artifacts/pages/', import.meta.url));

const { passed, failed, problems } = await runTests(['pages']);
for (const problem of problems) console.log(problem);
console.log(`${passed} passed, ${failed} failed. The screenshots are in ${SCREENSHOTS}`);
process.exit(passed > 0 && failed === 0 && problems.length === 0 ? 0 : 1);
