/**
 * The sources without their types, made once for each run. Node strips the types of every file at
 * every start and keeps no result: a third of the start of a test's process.
 *
 * Plain JavaScript: a file that is loaded before the others must not need stripping itself.
 */
import { hash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCES = '{libs,services,test/support}/**/*.ts';
const KEPT = join(ROOT, 'node_modules', '.cache', `stripped-types-${process.version}.json`);

/** The key of a text: its hash, so that a changed file never gets an old text. */
export const keyOf = (text) => hash('sha1', text);

/** Returns the stripped texts by `keyOf`; none if they cannot be read. */
export function readStripped() {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(KEPT, 'utf8'))));
  } catch {
    return new Map();
  }
}

/** The global setup of vitest: strips new sources. */
export function setup() {
  const before = readStripped();
  const now = new Map();
  for (const file of globSync(SOURCES, { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const key = keyOf(text);
    now.set(key, before.get(key) ?? stripTypeScriptTypes(text));
  }
  if (now.size === before.size && [...now.keys()].every((key) => before.has(key))) return;
  mkdirSync(dirname(KEPT), { recursive: true });
  const draft = `${KEPT}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(Object.fromEntries(now)));
  renameSync(draft, KEPT);
}
