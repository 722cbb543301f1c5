#!/usr/local/bin/node
/**
 * The entry of the image: runs one of the programs in this process, which is process 1 of its
 * container.
 *
 *     parley gateway | api | worker | migrate | agent add NAME | all-in-one | doctor
 *     parley health | ready
 */
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';

const PROGRAMS = ['gateway', 'api', 'worker', 'migrate', 'agent', 'all-in-one', 'doctor'];
/** Asks the admin port of the program in this container. */
const PROBES: Readonly<Record<string, string>> = { health: '/healthz', ready: '/readyz' };
const PROBE_MS = 4000;
/** The exit codes of a wrong command line (sysexits.h), and of a program ended by a signal. */
const USAGE = 64;
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

const [command = '', ...args] = process.argv.slice(2);
if (PROGRAMS.includes(command)) await run(command, args);
else if (Object.hasOwn(PROBES, command)) probe(PROBES[command] ?? '');
else {
  process.stderr.write(
    `parley: ${command === '' ? 'no command' : `no command ${JSON.stringify(command)}`}. Use one of ${[...PROGRAMS, ...Object.keys(PROBES)].join(', ')}.\n`,
  );
  process.exitCode = USAGE;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  // The kernel ignores a signal to process 1 that nobody handles. A program that drains handles it.
  for (const [name, code] of Object.entries(SIGNALS)) {
    const signal = name as keyof typeof SIGNALS;
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
  }
  const main = new URL(`../../services/${program}/main.ts`, import.meta.url);
  process.argv.splice(1, process.argv.length, fileURLToPath(main), ...args);
  await import(main.href);
}

/** Exits with 0 if the program answers well, otherwise with 1. */
function probe(path: string): void {
  const { ADMIN_PORT, ADMIN_HOST } = process.env;
  const request = get({ host: ADMIN_HOST || '127.0.0.1', port: Number(ADMIN_PORT || 9090), path, timeout: PROBE_MS }, (answer) => {
    answer.pipe(process.stdout);
    process.exitCode = answer.statusCode === 200 ? 0 : 1;
  });
  request.once('timeout', () => request.destroy(new Error('no answer in time')));
  request.once('error', (error) => {
    process.stderr.write(`parley: ${error.message}\n`);
    process.exitCode = 1;
  });
}
