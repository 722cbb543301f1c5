import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script of Redis, from a `.lua` file whose head documents KEYS, ARGV and the reply. */
export interface Script {
  /** File name without the ending, for logs. */
  readonly name: string;
  readonly source: string;
  /** Lower-case hex SHA-1 of the source, what EVALSHA names it by. */
  readonly sha: string;
}

/**
 * Reads a script: `loadScript(new URL('./lua/publish.lua', import.meta.url))`. Comment lines are left out of what Redis gets.
 *
 * @param constants Locals of the script by name, for what never changes while the process runs: cheaper than an argument each time.
 */
export function loadScript(url: URL, constants: Readonly<Record<string, string | number>> = {}): Script {
  const locals = Object.entries(constants).map(([name, value]) => `local ${name} = ${typeof value === 'number' ? value : `'${value}'`}\n`);
  const source = locals.join('') + readFileSync(url, 'utf8').replace(/^\s*--.*\n/gm, '');
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1).replace(/\.lua$/, '');
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}
