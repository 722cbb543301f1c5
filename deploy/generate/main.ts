/** `npm run generate`: writes what is made from the tables of the code, and from the chart. */
import { manifestFiles, writeGenerated } from '#deploy/kubernetes/manifests.ts';
import { generatedFiles } from './generated.ts';

for (const file of generatedFiles()) writeGenerated(file);
// Only now: helm checks the values against the schema that was just written.
for (const file of await manifestFiles()) writeGenerated(file);
