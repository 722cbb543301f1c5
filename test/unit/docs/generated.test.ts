import { expect, it } from 'vitest';
import { generatedFiles } from '#deploy/generate/generated.ts';

it.each(generatedFiles())('$path is made from the tables of the code', ({ path, found, wanted }) => {
  expect(found === wanted, `${path} is out of date: run \`npm run generate\``).toBe(true);
});
