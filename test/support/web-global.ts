/** Builds the pages from the present sources, for browsers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const LAUNCH = fileURLToPath(new URL('../../deploy/launch.mjs', import.meta.url));

/** Builds the pages if they are out of date. */
export async function setup(): Promise<void> {
  const child = spawn(process.execPath, [LAUNCH, '--needs=web'], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the web pages could not be built: see above');
}
