/** `npm run format`: formats everything, sorts imports, and mends what Biome can mend safely. */

import { runStep } from './step.ts';

process.exit((await runStep({ name: 'format', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'] })) ? 0 : 1);
