/**
 * `npm run doctor [-- PROGRAM...] [--idle-seconds=65]`: looks at everything that the hub relies on,
 * with the settings of this environment. Exits with 0 if the promises of the hub hold, with 1 if one
 * does not, with 64 for a wrong command line.
 */
import type { Role } from '#libs/config/setting.ts';
import type { Check, Finding, FindingState } from './check.ts';
import { examine } from './examine.ts';

const PROGRAMS: readonly Role[] = ['gateway', 'api', 'worker', 'all-in-one'];
/** Proxies often end what was silent for a minute. */
const IDLE_SECONDS = 65;
const USAGE = 64;
const MARKS: Readonly<Record<FindingState, string>> = { holds: 'ok     ', broken: 'BROKEN ', advice: 'advice ', unknown: '?      ' };

const count: Record<FindingState, number> = { holds: 0, broken: 0, advice: 0, unknown: 0 };

function print(check: Check, findings: readonly Finding[]): void {
  for (const { state, text, todo } of findings) {
    count[state] += 1;
    process.stdout.write(`${MARKS[state]}${check.name}: ${text}\n`);
    if (todo !== undefined) process.stdout.write(`       To do: ${todo}\n`);
  }
}

const args = process.argv.slice(2);
const idle = args.find((arg) => arg.startsWith('--idle-seconds='))?.split('=')[1];
const named = args.filter((arg) => !arg.startsWith('--idle-seconds='));
const wrong = named.filter((name) => !PROGRAMS.some((program) => program === name));
const idleSeconds = Number(idle ?? IDLE_SECONDS);
if (wrong.length > 0 || !(idleSeconds >= 0)) {
  process.stderr.write(`parley: doctor takes ${PROGRAMS.join(', ')} and --idle-seconds=N, not ${[...wrong, idle ?? ''].join(' ')}\n`);
  process.exit(USAGE);
}
const roles = PROGRAMS.filter((program) => named.includes(program));
await examine({ roles, idleSeconds }, print);
const rest = `${count.advice} pieces of advice, ${count.unknown} not seen, ${count.holds} well.`;
process.stdout.write(count.broken === 0 ? `The promises hold. ${rest}\n` : `${count.broken} findings break a promise. ${rest}\n`);
process.exitCode = count.broken === 0 ? 0 : 1;
