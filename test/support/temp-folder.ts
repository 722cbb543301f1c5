import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresProgram } from '#libs/store/postgres-program.ts';

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * Makes an empty folder, by default in the system's temporary one. `removeFolder` removes it, at
 * the latest the exit of this process.
 */
export function makeFolder(prefix: string, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, prefix));
  folders.add(folder);
  return folder;
}

/**
 * As `makeFolder`, at a place that PostgreSQL's account can enter: it cannot enter a temporary
 * folder that only root may enter.
 */
export async function makeReachable(prefix: string, program: PostgresProgram): Promise<string> {
  return makeFolder(prefix, (await program.canReach(tmpdir())) ? tmpdir() : '/var/tmp');
}

/** Removes a folder of `makeFolder` with its content. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}
