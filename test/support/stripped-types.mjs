/**
 * The sources without their types, made once for each run. Node strips the types of every file at every start, and keeps
 * nothing: a third of the time that a process of a test takes to come up.
 *
 * Plain JavaScript: what is loaded before everything else must not have to be stripped itself.
 */
import { hash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCES = '{libs,services,test/support}/**/*.ts';
const KEPT = join(ROOT, 'node_modules', '.cache', `stripped-types-${process.version}.json`);

/** What a text is found by: a file that was changed since is not taken for the one that it was. */
export const keyOf = (text) => hash('sha1', text);

/** The stripped texts by `keyOf`; empty if none can be read. */
export function readStripped() {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(KEPT, 'utf8'))));
  } catch {
    return new Map();
  }
}

/** The global setup of vitest: strips what is new. */
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
