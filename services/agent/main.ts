/**
 * `npm run agent -- add NAME`: makes an agent (A6). The password is typed without being shown, or piped in; where none is given one is made, and shown
 * this once. Without DATABASE_URL it goes into the all-in-one's own database, whether or not that runs.
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

/** Where the all-in-one keeps its database. */
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
  process.stdout.write(`The agent ${name} is there.${given === '' ? ` The password, shown this once: ${password}` : ''}\n`);
} catch (error) {
  const lines = error instanceof ConfigError ? error.problems : [error instanceof Error ? error.message : String(error)];
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

/** '' where none is wanted. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await pipedLine(process.stdin)) ?? '';
  const first = await typedLine(process.stdin, process.stderr, 'Password (empty: one is made): ');
  if (first !== '' && (await typedLine(process.stdin, process.stderr, 'Once more: ')) !== first)
    throw new AgentError('the two are not the same.');
  return first;
}

/** Uses the database of the settings; otherwise the all-in-one's, which is started for this where it does not run. */
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
