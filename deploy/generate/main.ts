/** `npm run generate`: writes what is made from the tables of the code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from './generated.ts';

for (const { path, found, wanted } of generatedFiles()) {
  if (found === wanted) continue;
  writeFileSync(join(import.meta.dirname, '..', '..', path), wanted);
  console.log(`written: ${path}`);
}
