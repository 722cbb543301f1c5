/**
 * A program that runs an embedded PostgreSQL: `<folder>`. Prints `ready <url>`, `refused <error>`
 * or `failed <error>`. SIGTERM ends it in order, SIGUSR2 at once.
 */
import { FolderInUseError, startEmbedded } from '#libs/store/embedded-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';

process.once('SIGUSR2', () => process.exit(3));
const log = createLogger({ node: 'holder', level: 'info' });
try {
  const server = await startEmbedded(process.argv[2] ?? '', log);
  process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
  process.stdout.write(`ready ${server.url}\n`);
} catch (error) {
  process.stdout.write(`${error instanceof FolderInUseError ? 'refused' : 'failed'} ${String(error)}\n`);
  process.exit(1);
}
