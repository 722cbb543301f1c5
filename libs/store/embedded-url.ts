import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { USER } from './embedded-folder.ts';
import { runningPostmaster } from './postmaster.ts';

/**
 * The URL of the embedded server that runs on a folder (see `startEmbedded`), for a program that lends a hand beside the one it belongs to; undefined
 * where none runs. Has the password in it: not for logs.
 */
export function embeddedUrl(folder: string): string | undefined {
  const running = runningPostmaster(join(folder, 'data'));
  if (running === undefined || running.port <= 0) return undefined;
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  return `postgres://${USER}:${password}@127.0.0.1:${running.port}/parley`;
}
