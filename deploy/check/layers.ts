/**
 * Checks the imports against the layers (`.dependency-cruiser.mjs`), the size of the hub, and that
 * one module reads the environment.
 */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import { ROOT } from './step.ts';

/** With fewer modules than this the check has not seen the project. */
const MODULES_MIN = 600;

const FOLDERS = ['libs', 'services', 'bench', 'test', 'deploy'];

const HUB = 'libs/hub/';
/** Folders and files directly in the hub, and imports from one of them to another, at most. */
const HUB_ROOMS_MAX = 8;
const HUB_ARROWS_MAX = 25;

/** Programs and libraries. Tests and benches start processes with environments of their own. */
const SHIPPED = ['libs/**/*.ts', 'services/**/*.{ts,tsx}'];

/** Only reading counts: a variable for a native library may be set. */
const ENVIRONMENT =
  /\bprocess\s*(\?\.|\.)\s*env\b(?!\.\w+ = )|\bprocess\s*\[\s*['"`]env\b|import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*['"](node:)?process['"]/;

/** Returns the first circle of arrows that starts at a room; undefined if none does. */
function circle(arrows: ReadonlyMap<string, ReadonlySet<string>>, room: string, way: readonly string[] = []): string[] | undefined {
  if (way.includes(room)) return [...way.slice(way.indexOf(room)), room];
  for (const next of arrows.get(room) ?? []) {
    const found = circle(arrows, next, [...way, room]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is wrong with the picture of the hub: its rooms (what stands directly in it) and arrows. */
function hubProblems(all: ICruiseResult['modules']): string[] {
  const roomOf = (file: string): string | undefined => (file.startsWith(HUB) ? file.slice(HUB.length).split('/')[0] : undefined);
  const arrows = new Map<string, Set<string>>();
  for (const { source, dependencies } of all) {
    const from = roomOf(source);
    if (from === undefined) continue;
    const others = arrows.get(from) ?? new Set();
    arrows.set(from, others);
    for (const { resolved } of dependencies) {
      const to = roomOf(resolved);
      if (to !== undefined && to !== from) others.add(to);
    }
  }
  const found: string[] = [];
  const rooms = [...arrows.keys()].toSorted();
  if (rooms.length === 0) found.push(`hub: no module of ${HUB} was looked at.`);
  if (rooms.length > HUB_ROOMS_MAX)
    found.push(`hub: ${rooms.length} rooms in ${HUB} (${rooms.join(', ')}), at most ${HUB_ROOMS_MAX}: put the new one into a wing.`);
  const count = rooms.reduce((sum, room) => sum + (arrows.get(room)?.size ?? 0), 0);
  if (count > HUB_ARROWS_MAX) {
    const shown = rooms.map((room) => `${room} -> ${[...(arrows.get(room) ?? [])].toSorted().join(', ') || 'nothing'}`).join('; ');
    found.push(
      `hub: ${count} arrows between the rooms of ${HUB}, at most ${HUB_ARROWS_MAX}: move the importer, or what it imports, into one wing. ${shown}`,
    );
  }
  const up = rooms.map((room) => circle(arrows, room)).find((way) => way !== undefined);
  if (up !== undefined) found.push(`hub: ${up.join(' -> ')} runs upward: hand in what the lower room needs, or move it to the lower room.`);
  return found;
}

process.chdir(ROOT);
const problems: string[] = [];

const { output } = await cruise(FOLDERS, await extractOptions(join(ROOT, '.dependency-cruiser.mjs')));
if (typeof output === 'string') throw new TypeError('dependency-cruiser answered with text instead of a result.');
const { summary, modules }: ICruiseResult = output;
for (const { from, to, rule, cycle } of summary.violations) {
  problems.push(`${rule.name}: ${from} -> ${cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ')}`);
}

const ours = modules.filter(({ source }) => FOLDERS.some((folder) => source.startsWith(`${folder}/`)) && !source.includes('node_modules'));
if (ours.length < MODULES_MIN) problems.push(`only ${ours.length} modules were looked at: at least ${MODULES_MIN} are there.`);
problems.push(...hubProblems(ours));

const files = globSync(SHIPPED).filter((file) => !file.includes('node_modules'));
if (files.length === 0) problems.push('no file was searched for process.env.');
for (const file of files) {
  if (!file.startsWith('libs/config/') && ENVIRONMENT.test(readFileSync(file, 'utf8'))) {
    problems.push(`environment: ${file} reads process.env; libs/config alone does.`);
  }
}

for (const problem of problems) console.error(problem);
console.log(`${ours.length} modules, ${summary.totalDependenciesCruised ?? 0} imports looked at.`);
process.exitCode = problems.length === 0 ? 0 : 1;
