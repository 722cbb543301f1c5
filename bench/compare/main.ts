import { loadavg } from 'node:os';
import { stopPostgres } from '#bench/measure/postgres-process.ts';
import { setPriority } from '#bench/measure/process.ts';
import { markdownTable } from '#bench/report/table.ts';
import { chosen, PACE_OPTIONS, parseWanted } from '#bench/scenarios/pace.ts';
import { keepSides, stopKeptSides } from '#bench/scenarios/side.ts';
import { COMPARISONS, type Comparison } from './catalogue.ts';
import { thisMachine } from './machine.ts';
import { Results } from './results.ts';

const DEFAULT_ROUNDS = 3;
const BENCH = new URL('../', import.meta.url);
const RESULTS = new URL('../results/compare/', import.meta.url);

/**
 * `npm run bench -- compare`: Parley beside its peers. Each scenario replaces its own result in the
 * folder and leaves the others, so a run can go on where another one ended.
 * @returns the exit code.
 */
export async function runCompare(words: readonly string[]): Promise<number> {
  const wanted = parseWanted(words, DEFAULT_ROUNDS);
  const comparisons = chosen(COMPARISONS, wanted?.names ?? []);
  if (wanted === undefined || comparisons.length === 0) {
    process.stderr.write(`usage: npm run bench -- compare ${PACE_OPTIONS} [--publish]\n${COMPARISONS.map(line).join('\n')}\n`);
    return 2;
  }
  setPriority(wanted.nice);
  const { pace } = wanted;
  const order = COMPARISONS.map(({ name }) => name);
  const results = new Results(words.includes('--publish') ? BENCH : RESULTS, order);
  const failures: string[] = [];
  keepSides();
  for (const comparison of comparisons) {
    const { name, title, about, baseline, absent } = comparison;
    pace.say(`${name}: ${title}. ${about}`);
    const started = performance.now();
    const loadBefore = loadavg()[0] ?? 0;
    try {
      const outcome = await comparison.run(pace);
      results.put({
        name,
        title,
        about,
        baseline,
        outcome,
        absent,
        quick: pace.quick,
        rounds: pace.quick ? 1 : pace.rounds,
        seconds: (performance.now() - started) / 1000,
        date: new Date().toISOString().slice(0, 10),
        machine: thisMachine(),
        loadBefore,
      });
      process.stdout.write(`\n${markdownTable([outcome])}\n\n`);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      pace.say(`${name} failed: ${String(error)}`);
    }
  }
  await stopKeptSides();
  await stopPostgres();
  for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

function line({ name, title }: Comparison): string {
  return `  ${name.padEnd(18)}${title}`;
}
