import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresProgram } from '#libs/store/postgres-program.ts';

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder, in the system's temporary one unless another is given. Removed with `removeFolder`, at the latest when this process exits. */
export function makeFolder(prefix: string, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, prefix));
  folders.add(folder);
  return folder;
}

/** As `makeFolder`, but where PostgreSQL's account gets to: a temporary folder of root's alone is of no use to it. */
export async function makeReachable(prefix: string, program: PostgresProgram): Promise<string> {
  return makeFolder(prefix, (await program.canReach(tmpdir())) ? tmpdir() : '/var/tmp');
}

/** Removes a folder of `makeFolder` with all that is in it. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}
