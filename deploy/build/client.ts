/**
 * Builds the client as an npm package: one ES module, its types, the README. Without an argument it
 * also packs it into a file beside `dist`, which `npm install` takes.
 *
 * node deploy/build/client.ts [folder]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';

import { buildClientModule } from './client-module.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CLIENT = join(ROOT, 'libs', 'client');
const ENTRY = join(CLIENT, 'index.ts');
const TYPES = 'types';

const PACKED = join(CLIENT, 'parley-client.tgz');

const asked = process.argv[2];
const folder = asked ?? join(CLIENT, 'dist');

/** The package.json of the package. It has no dependency: the module contains all it needs. */
function manifest(): object {
  const { version, license, author } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return {
    name: '@parley/client',
    version,
    description: 'The client of a Parley hub: a connection that stays',
    license,
    author,
    type: 'module',
    sideEffects: false,
    exports: { '.': { types: `./${TYPES}/client/index.d.ts`, default: './index.js' } },
    engines: { node: '>=22' },
  };
}

/**
 * Types of the client and of the protocol files that it uses. They import each other as the files
 * lie in the package.
 */
function buildTypes(): void {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const outDir = join(folder, TYPES);
  const program = ts.createProgram([ENTRY], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(ROOT, 'libs'),
    outDir,
  });
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  if (problems.length > 0)
    throw new Error(
      ts.formatDiagnostics(problems, { getCanonicalFileName: String, getCurrentDirectory: () => ROOT, getNewLine: () => '\n' }),
    );
  for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(
        /(from ')(#libs\/|\.\/)([^']+)\.ts'/g,
        (_, from, base, name) => `${from}${base === './' ? './' : '../'}${name}.js'`,
      ),
    );
  }
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await buildClientModule(folder, 'index');
buildTypes();
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
cpSync(join(CLIENT, 'README.md'), join(folder, 'README.md'));
cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
const module = readFileSync(join(folder, 'index.js'));
console.error(`parley: client built, ${module.byteLength} bytes, ${gzipSync(module, { level: 9 }).byteLength} packed.`);
if (asked === undefined) {
  // The name that npm gives it has the version.
  const [name = ''] = execFileSync('npm', ['pack', folder, '--pack-destination', CLIENT, '--silent'], { encoding: 'utf8' }).split('\n');
  renameSync(join(CLIENT, name), PACKED);
  console.error('parley: npm install takes libs/client/parley-client.tgz.');
}
