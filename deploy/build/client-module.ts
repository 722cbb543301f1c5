/** Builds the client as one ES module. */
import { join } from 'node:path';
import { build } from 'vite';

import { TARGETS } from '#libs/client/browsers.ts';
import { INTERNAL_NAMES } from './client-names.ts';

const ENTRY = join(import.meta.dirname, '..', '..', 'libs', 'client', 'index.ts');
const NAMES = new RegExp(`^(?:${INTERNAL_NAMES.join('|')})$`);

/** Writes `name`.js into a folder, and leaves what else is there. */
export async function buildClientModule(folder: string, name: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      outDir: folder,
      emptyOutDir: false,
      copyPublicDir: false,
      target: TARGETS,
      lib: { entry: ENTRY, formats: ['es'], fileName: name },
      // Vite leaves white space in libraries.
      rolldownOptions: {
        output: {
          comments: false,
          minify: { compress: true, mangle: true, mangleProps: { include: NAMES }, codegen: { removeWhitespace: true } },
        },
      },
    },
  });
}
