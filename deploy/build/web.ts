/**
 * Builds the web pages and the client that the hub serves into `services/web/dist`, unless those are made of the present sources. One
 * build at a time: `deploy/launch.mjs` ensures it. With `--check` it writes nothing and exits with
 * 0 if the pages match the sources, otherwise with 3.
 */

import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ROOT = join(import.meta.dirname, '..', '..');
const WEB = join(ROOT, 'services', 'web');
const DIST = join(WEB, 'dist');
/** Built here first, then moved to `dist` in one step. */
const DRAFT = join(ROOT, 'node_modules', '.cache', 'web');
/** Has the hash of the sources of `dist`. */
const STAMP = 'sources.sha256';

/** The sources of a page. */
const SOURCES = [
  'services/web/*.{html,ts}',
  'services/web/{src,static}/**/*',
  'libs/{client,protocol}/**/*.ts',
  'deploy/build/{client-module,client-names,web}.ts',
  'package-lock.json',
];

/** Smaller files are not compressed, bytes. */
const PACK_MIN_BYTES = 1024;

function hashOfSources(): string {
  const hash = createHash('sha256');
  const files = globSync(SOURCES, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/dist'))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

/** Puts `.br` and `.gz` beside each text file: the server compresses nothing itself. */
function pack(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!/\.(html|js|css|svg)$/.test(entry.name)) continue;
    const content = readFileSync(path);
    if (content.byteLength < PACK_MIN_BYTES) continue;
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.byteLength } }));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}

const stamp = join(DIST, STAMP);
const hash = hashOfSources();
const isFresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
if (process.argv.includes('--check')) process.exit(isFresh ? 0 : 3);
if (!isFresh) {
  console.error('parley: building the web pages.');
  const started = performance.now();
  // A test run sets another one: React would be a development build of twice the size.
  process.env['NODE_ENV'] = 'production';
  const [{ build }, { buildClientModule }] = await Promise.all([import('vite'), import('./client-module.ts')]);
  await build({
    configFile: join(WEB, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: DRAFT },
  });
  // For pages of other sites. Its name has no hash.
  await buildClientModule(DRAFT, 'client');
  pack(DRAFT);
  writeFileSync(join(DRAFT, STAMP), hash);
  rmSync(DIST, { recursive: true, force: true });
  renameSync(DRAFT, DIST);
  console.error(`parley: web pages built in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}
