/** `npm run format`: formats everything, sorts imports, and applies Biome's safe fixes. */

import { runStep } from './step.ts';

process.exit((await runStep({ name: 'format', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'] })) ? 0 : 1);
