import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { INTERNAL_NAMES } from '#deploy/build/client-names.ts';
import { VERSION } from '#libs/client/index.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ROOT = join(import.meta.dirname, '..', '..', '..');
const MAX_BYTES = 8000;

/** Somebody else's program. */
const CONSUMER = `
import { ClientError, ParleyClient, type ClientStatus, type MessageEvent } from '@parley/client';

const client = new ParleyClient({ url: 'wss://example.com/ws/chat', getToken: () => null });
const seen: string[] = [];
client.on('message', (event: MessageEvent) => seen.push(event.message.text));
client.on('status', ({ state }: ClientStatus) => seen.push(state));
// @ts-expect-error there is no such event
client.on('massage', () => {});
const sent: Promise<{ id: string }> = client.send('park', 'x').catch((error: ClientError) => ({ id: error.code satisfies string }));
export { sent };
`;

describe('the package', () => {
  let home = '';
  let folder = '';
  beforeAll(() => {
    home = makeFolder('parley-client-');
    folder = join(home, 'node_modules', '@parley', 'client');
    mkdirSync(folder, { recursive: true });
    execFileSync(process.execPath, [join(ROOT, 'deploy', 'build', 'client.ts'), folder], { stdio: 'pipe' });
  }, 180_000);
  afterAll(() => removeFolder(home));

  it('is below 8 KB, packed', () => {
    expect(gzipSync(readFileSync(join(folder, 'index.js')), { level: 9 }).byteLength).toBeLessThan(MAX_BYTES);
  });

  it('needs no other package, and says what it has', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: '@parley/client', type: 'module', sideEffects: false });
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.version).toBe(VERSION);
    const code = readFileSync(join(folder, 'index.js'), 'utf8');
    expect(code).not.toMatch(/\bimport\b[^.(]*from|\brequire\(/);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('new ParleyClient(');
  });

  it('has short names for nothing that anybody else calls by its name', () => {
    const files = ['backoff', 'client-error', 'client-events', 'client-options', 'client-status', 'environment', 'parley-client'];
    const texts = [...files.map((name) => `client/${name}`), 'protocol/frame-types'].map((name) =>
      readFileSync(join(folder, 'types', `${name}.d.ts`), 'utf8'),
    );
    const known = new Set(texts.join('').match(/\w+(?=\??[:(])/g));
    expect(known).toContain('heartbeat');
    expect(INTERNAL_NAMES.filter((name) => known.has(name))).toEqual([]);
  });

  it('can be imported, and does nothing by itself', async () => {
    const { ParleyClient } = await import(pathToFileURL(join(folder, 'index.js')).href);
    const client = new ParleyClient({ url: 'ws://127.0.0.1:1/ws/chat', getToken: () => null });
    expect(client.status).toEqual({ state: 'connecting', attempt: 0 });
  });

  it.each([
    ['a page', ['lib.es2024.d.ts', 'lib.dom.d.ts']],
    ['a worker', ['lib.es2024.d.ts', 'lib.webworker.d.ts']],
    ['neither', ['lib.es2024.d.ts']],
  ])('has types that stand alone, strictly checked, with the types of %s and without those of Node', (_, lib) => {
    const file = join(home, 'consumer.ts');
    writeFileSync(join(home, 'package.json'), '{"type":"module"}');
    writeFileSync(file, CONSUMER);
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      types: [],
      target: ts.ScriptTarget.ES2024,
      lib,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      exactOptionalPropertyTypes: true,
    });
    const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect(problems).toEqual([]);
  });
});
