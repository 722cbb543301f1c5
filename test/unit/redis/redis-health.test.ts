import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NEEDED_COMMANDS } from '#libs/redis/redis-health.ts';

/** What scripts of BullMQ call that the hub never runs: it neither drains nor moves queues, and renames none. */
const NOT_RUN = new Set(['RENAME', 'XREAD', 'RPOPLPUSH', 'TIME']);

test('every command that a script calls is tried at start', () => {
  const scripts = [
    ...globSync('libs/**/*.lua'),
    ...globSync('services/**/*.lua'),
    ...globSync('node_modules/bullmq/dist/esm/scripts/*.js'),
  ];
  const called = new Set<string>();
  for (const script of scripts) {
    for (const [, name = ''] of readFileSync(script, 'utf8').matchAll(/\b(?:rcall|redis\.p?call)\(\s*["']([A-Za-z]+)["']/g))
      called.add(name.toUpperCase());
  }
  expect(called.size).toBeGreaterThan(40);
  const tried = new Set(NEEDED_COMMANDS.map(([name]) => name));
  const scriptOnly = new Set(['PUBLISH', 'SPUBLISH']);
  expect([...called].filter((name) => !tried.has(name) && !NOT_RUN.has(name) && !scriptOnly.has(name))).toEqual([]);
});
