/**
 * `npm run agent -- add NAME`: makes an agent (A6). The password is typed without echo, or piped
 * in. If it is empty, one is made and shown once. Without `DATABASE_URL` the agent goes into the
 * all-in-one's own database, whether that runs or not.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import { embeddedUrl } from '#libs/store/embedded-folder.ts';
import { startEmbedded } from '#libs/store/embedded-postgres.ts';
import { migrate } from '#libs/store/migrate.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { AgentError, addAgent } from './add-agent.ts';
import { pipedLine, typedLine } from './password-input.ts';

/** The folder of the all-in-one's database. */
const FOLDER = fileURLToPath(new URL('../../.data/postgres', import.meta.url));
const USAGE = 'npm run agent -- add NAME';

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [command, name, ...rest] = positionals;
  if (command !== 'add' || name === undefined || rest.length > 0) throw new AgentError(`usage: ${USAGE}`);
  const given = await askPassword();
  const password = given === '' ? randomBytes(15).toString('base64url') : given;
  await inDatabase(async (url) => {
    const store = await openStore({ url });
    try {
      await addAgent(store, { id: randomUUID(), name, password });
    } finally {
      await store.close();
    }
  });
  process.stdout.write(`The agent ${name} was added.${given === '' ? ` The password, shown this once: ${password}` : ''}\n`);
} catch (error) {
  const lines = error instanceof ConfigError ? error.problems : [error instanceof Error ? error.message : String(error)];
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

/** Empty if none is given. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await pipedLine(process.stdin)) ?? '';
  const first = await typedLine(process.stdin, process.stderr, 'Password (leave empty to get one): ');
  if (first !== '' && (await typedLine(process.stdin, process.stderr, 'Once more: ')) !== first)
    throw new AgentError('the two passwords differ.');
  return first;
}

/**
 * Uses the database of the settings, or else the all-in-one's. Starts the latter for this if it
 * does not run.
 */
async function inDatabase(use: (url: string) => Promise<void>): Promise<void> {
  const url = loadConfig('all-in-one').databaseUrl ?? embeddedUrl(FOLDER);
  if (url !== undefined) return use(url);
  const own = await startEmbedded(FOLDER, createLogger({ node: 'agent', level: 'error' }));
  try {
    await migrate(own.url, { waiting: (line) => process.stderr.write(`parley: ${line}\n`) });
    await use(own.url);
  } finally {
    await own.stop();
  }
}
