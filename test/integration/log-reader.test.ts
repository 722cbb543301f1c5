import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { until, within } from '#test/support/wait.ts';

const FLOOD = fileURLToPath(new URL('../support/log-flood.ts', import.meta.url));
const LINES = 100_000;
const LONG_MS = 60_000;
/** What the program's own work may take; the lines are ten times as much. */
const MEMORY_MAX = 100 * 1024 * 1024;
/** Of what waits for a reader, with what the pipe itself holds. */
const KEPT_MAX = 2 * 1024 * 1024;

interface Cost {
  readonly bytes: number;
  readonly dropped: number;
  readonly metric: number;
}

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

/** Starts it with a standard output that nobody reads yet. */
function flood(command: readonly string[]): { readonly output: Readable; readonly cost: Promise<Cost> } {
  const [program = '', ...args] = command;
  child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  const [, output, , report] = child.stdio;
  if (output === null || output === undefined || report === null || report === undefined) throw new Error('no pipes');
  const cost = new Promise<Cost>((resolve) => (report as Readable).once('data', (text) => resolve(JSON.parse(String(text)) as Cost)));
  return { output: output as Readable, cost: within(LONG_MS, 'the program went on though nobody read its log', cost) };
}

const DIRECT = [process.execPath, FLOOD, String(LINES)];
/** In a terminal whose window takes nothing. */
const TERMINAL = ['script', '--quiet', '--return', '--command', DIRECT.map((word) => `'${word}'`).join(' '), '/dev/null'];

describe('a log that nobody reads', () => {
  it('costs bounded memory and no time, counts what is dropped, and says so once when it is read again', async () => {
    const { output, cost } = flood(DIRECT);
    const { bytes, dropped, metric } = await cost;
    expect(bytes).toBeLessThan(MEMORY_MAX);
    expect(dropped).toBeGreaterThan(LINES / 2);
    expect(metric).toBe(dropped);
    let text = '';
    output.on('data', (chunk) => {
      text += String(chunk);
    });
    await until(() => text.includes('log lines were dropped') && text.endsWith('\n'));
    const lines = text.trimEnd().split('\n');
    expect(text.length).toBeLessThan(KEPT_MAX);
    const reports = lines.filter((line) => line.includes('log lines were dropped'));
    expect(reports.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ level: 'warn', node: 'flood', lines: dropped })]);
    expect(lines.length - 1 + dropped).toBe(LINES);
  });

  it('does not stop the program in a terminal that was stopped', async () => {
    const { cost } = flood(TERMINAL);
    expect((await cost).dropped).toBeGreaterThan(LINES / 2);
  });

  it('costs nothing more where its reader is gone for good', async () => {
    const { output, cost } = flood(DIRECT);
    output.destroy();
    const { bytes } = await cost;
    expect(bytes).toBeLessThan(MEMORY_MAX);
    const ended = once(child as ChildProcess, 'exit');
    child?.kill('SIGTERM');
    expect(await within(LONG_MS, 'ended', ended)).toEqual([0, null]);
  });
});
