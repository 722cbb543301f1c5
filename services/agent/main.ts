/**
 * `npm run agent`: adds, lists, resets and removes agents (A6). A password is typed without echo, or
 * piped in. If it is empty, one is made and shown once. Without `DATABASE_URL` the agents are those
 * of the all-in-one's own database, whether that runs or not.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError, loadConfig } from '#libs/config/config.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { embeddedUrl } from '#libs/store/embedded-folder.ts';
import { startEmbedded } from '#libs/store/embedded-postgres.ts';
import { migrate } from '#libs/store/migrate.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { AgentError, addAgent } from './add-agent.ts';
import { listAgents, removeAgent, resetAgent } from './agent-accounts.ts';
import { type Asked, askedFor } from './arguments.ts';
import { pipedLine, typedLine } from './password-input.ts';

/** The folder of the all-in-one's database. */
const FOLDER = fileURLToPath(new URL('../../.data/postgres', import.meta.url));

try {
  const asked = askedFor(process.argv.slice(2));
  const lines = await run(loadConfig('all-in-one'), asked);
  process.stdout.write(`${lines.join('\n')}\n`);
} catch (error) {
  for (const line of problemsOf(error)) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

async function run(config: Config, { command, name }: Asked): Promise<string[]> {
  if (command === 'list') {
    const lines = await inStore(config, listAgents);
    return lines.length > 0 ? lines : ['There are no agents. To add one: npm run agent -- add NAME'];
  }
  if (command === 'remove') {
    const gone = await inStore(config, (store) => removeAgent(store, { name, now: Date.now }));
    const handedOn = gone.conversations === 0 ? '' : ` Conversations handed on: ${gone.conversations}.`;
    return [`The agent ${gone.name} was removed. All logins have ended.${handedOn} What was said stays.`];
  }
  const given = await askPassword();
  const password = given === '' ? randomBytes(15).toString('base64url') : given;
  const done = await inStore(config, async (store) => {
    if (command === 'reset')
      return `The agent ${await resetAgent(store, { name, password, now: Date.now })} has a new password. All earlier logins end within 2 seconds.`;
    await addAgent(store, { id: randomUUID(), name, password });
    return `The agent ${name} was added.`;
  });
  const shown = given === '' ? ` The password, shown this once: ${password}` : '';
  return [`${done}${shown}`, `Log in at ${workbenchUrl(config)}`];
}

/** The address of the agents' page, as far as the settings tell. */
function workbenchUrl({ publicUrl, port }: Config): string {
  if (publicUrl !== undefined) return `${publicUrl}/agent`;
  return port === 0 ? '/agent, at the address that npm start prints' : `http://localhost:${port}/agent`;
}

/** Empty if none is given. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await pipedLine(process.stdin)) ?? '';
  const first = await typedLine(process.stdin, process.stderr, 'Password (leave empty to get one): ');
  if (first !== '' && (await typedLine(process.stdin, process.stderr, 'Once more: ')) !== first)
    throw new AgentError('the two passwords differ: nothing was changed. Run the command again.');
  return first;
}

/**
 * Uses the database of the settings, or else the all-in-one's. Starts the latter for this if it
 * does not run.
 */
async function inStore<T>(config: Config, use: (store: Store) => Promise<T>): Promise<T> {
  const url = config.databaseUrl ?? embeddedUrl(FOLDER);
  if (url !== undefined) return withStore(url, use);
  const own = await startEmbedded(FOLDER, createLogger({ node: 'agent', level: 'error' }));
  try {
    await migrate(own.url, { waiting: (line) => process.stderr.write(`parley: ${line}\n`) });
    return await withStore(own.url, use);
  } finally {
    await own.stop();
  }
}

async function withStore<T>(url: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ url });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** A line for each thing that is wrong, with what to do. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (!(error instanceof HubError)) return [error instanceof Error ? error.message : String(error)];
  const { cause } = error;
  const isOld = typeof cause === 'object' && cause !== null && 'code' in cause && ['42P01', '42703'].includes(String(cause.code));
  if (isOld) return ['the database does not have the tables of this version. Run npm run migrate first.'];
  const why = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : '';
  return [`the database cannot be reached${why}. See that it runs and that DATABASE_URL names it, then run the command again.`];
}
