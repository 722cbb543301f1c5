/**
 * `npm run bench -- load ...` loads a deployment (`drive/`), `npm run bench -- http ...` its API
 * (`http/`), `npm run bench -- behind-nginx ...` two gateways of its own. `npm run bench -- scale ...`
 * shows how cost grows (`scale/`), `npm run bench -- compare ...` compares Parley with its peers
 * (`compare/`).
 * `npm run bench [name...] [--quick] [--rounds=n] [--nice=n]`: runs all scenarios, or those whose
 * names begin so, reports progress, and ends with the ratios and their spread. bench/results/ gets
 * JSON with every run, and an SVG for each scenario.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { stopPostgres } from './measure/postgres-process.ts';
import { setPriority } from './measure/process.ts';
import { ratioPlot } from './report/plot.ts';
import { markdownTable } from './report/table.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';
import type { Outcome } from './scenarios/outcome.ts';
import { chosen, PACE_OPTIONS, parseWanted } from './scenarios/pace.ts';

const RESULTS = new URL('./results/', import.meta.url);
const DEFAULT_ROUNDS = 7;

const words = process.argv.slice(2);
if (words[0] === 'load') {
  const { runLoad } = await import('./drive/main.ts');
  process.exit(await runLoad(words.slice(1)));
}
if (words[0] === 'behind-nginx') {
  const { runBehindNginx } = await import('./behind-nginx.ts');
  process.exit(await runBehindNginx(words.slice(1)));
}
if (words[0] === 'http') {
  const { runHttp } = await import('./http/main.ts');
  process.exit(await runHttp(words.slice(1)));
}
if (words[0] === 'scale') {
  const { runScale } = await import('./scale/scale.ts');
  process.exit(await runScale(words.slice(1)));
}
if (words[0] === 'compare') {
  const { runCompare } = await import('./compare/main.ts');
  process.exit(await runCompare(words.slice(1)));
}
const wanted = parseWanted(words, DEFAULT_ROUNDS);
const scenarios = chosen(SCENARIOS, wanted?.names ?? []);
if (wanted === undefined || scenarios.length === 0) {
  process.stderr.write(
    `usage: npm run bench ${PACE_OPTIONS}\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(16)}${about}`).join('\n')}\n`,
  );
  process.exit(2);
}

const { pace } = wanted;
setPriority(wanted.nice);
const outcomes: Outcome[] = [];
const failures: string[] = [];
mkdirSync(RESULTS, { recursive: true });
for (const scenario of scenarios) {
  pace.say(`${scenario.name}: ${scenario.about}`);
  try {
    const outcome = await scenario.run(pace);
    outcomes.push(outcome);
    writeFileSync(new URL(`${scenario.name}.json`, RESULTS), `${JSON.stringify(outcome, null, 2)}\n`);
    writeFileSync(new URL(`${scenario.name}.svg`, RESULTS), ratioPlot(outcome));
  } catch (error) {
    failures.push(`${scenario.name}: ${error instanceof Error ? error.message : String(error)}`);
    pace.say(`${scenario.name} failed: ${String(error)}`);
  }
}
await stopPostgres();
process.stdout.write(`\n${markdownTable(outcomes)}\n\n`);
for (const outcome of outcomes) for (const remark of outcome.remarks) process.stdout.write(`${outcome.name}: ${remark}\n`);
for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
