/**
 * Preloaded into the processes of tests (`--import`): gives Node the stripped text of a source, if
 * there is one.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { keyOf, readStripped } from './stripped-types.mjs';

const stripped = readStripped();

registerHooks({
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
    const source = stripped.get(keyOf(readFileSync(fileURLToPath(url), 'utf8')));
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
  },
});
