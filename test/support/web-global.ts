/** The pages that a browser shows are those of the present sources. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const LAUNCH = fileURLToPath(new URL('../../deploy/launch.mjs', import.meta.url));

export async function setup(): Promise<void> {
  const child = spawn(process.execPath, [LAUNCH, '--needs=web'], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the web pages could not be built: see above');
}
