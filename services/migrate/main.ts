/** `npm run migrate`: brings the database of `DATABASE_URL` up to this version's schema. Safe while others run, and when several start it at once. */
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import { migrate } from '#libs/store/migrate.ts';

const say = (line: string): boolean => process.stdout.write(`parley: ${line}\n`);

try {
  const { databaseUrl } = loadConfig('migrate');
  if (databaseUrl === undefined) throw new ConfigError(['DATABASE_URL is not set.']);
  const ran = await migrate(databaseUrl, { log: say });
  say(ran.length === 0 ? 'the database is up to date.' : `the database is up to date now: ${ran.length} migrated.`);
} catch (error) {
  const lines = error instanceof ConfigError ? error.problems : [`the database was not migrated: ${reason(error)}`];
  for (const line of lines) process.stderr.write(`parley: ${line}\n`);
  process.exitCode = 1;
}

/** A refused connection to a name with several addresses has its reasons inside only. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join('; ');
  return error instanceof Error ? error.message : String(error);
}
