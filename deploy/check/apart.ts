/**
 * `npm run test:image`, `test:monitoring`, `test:pages` and `test:walk`: the project of
 * `vitest.config.ts` that the argument names. Apart from `npm test`: they take minutes, or what they
 * show is for people.
 */

import { runTests } from './run-tests.ts';

const { passed, failed, problems } = await runTests(process.argv.slice(2));
for (const problem of problems) console.log(problem);
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 0 && failed === 0 && problems.length === 0 ? 0 : 1);
