/** One step of a check: a command, its time, and a line about it. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The repository's folder. */
export const ROOT = join(import.meta.dirname, '..', '..');

export interface Step {
  readonly name: string;
  /**
   * A JavaScript or TypeScript program of the repository, run under this Node, and its arguments.
   */
  readonly command: readonly [string, ...string[]];
}

const TYPES: Step = {
  name: 'types',
  command: [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.json',
    '--incremental',
    '--tsBuildInfoFile',
    'node_modules/.cache/tsbuildinfo',
  ],
};
/** Together these take less time than the types. */
const OTHERS: readonly Step[] = [
  { name: 'biome', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  { name: 'layers', command: ['deploy/check/layers.ts'] },
  { name: 'knip', command: ['node_modules/knip/bin/knip.js', '--no-progress', '--treat-config-hints-as-errors'] },
];

/** Runs all checks that need no hub. Resolves with the names of the failed steps. */
export async function runStaticSteps(): Promise<readonly string[]> {
  const failed: string[] = [];
  const run = async (...steps: readonly Step[]): Promise<void> => {
    for (const step of steps) if (!(await runStep(step))) failed.push(step.name);
  };
  await Promise.all([run(TYPES), run(...OTHERS)]);
  return failed;
}

/** Runs a step and shows its output if it fails. Resolves with whether it passed. */
export async function runStep({ name, command: [program, ...args] }: Step): Promise<boolean> {
  const started = performance.now();
  const child = spawn(process.execPath, [join(ROOT, program), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const passed = code === 0;
  if (!passed) process.stdout.write(Buffer.concat(output));
  tellStep(name, passed, performance.now() - started);
  return passed;
}

/** The line about a step. */
export function tellStep(name: string, passed: boolean, milliseconds: number): void {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${(milliseconds / 1000).toFixed(1)} s`);
}
