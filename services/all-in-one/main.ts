/**
 * `npm start`: gateway, API, worker and pages in one process, on one port. Alone in memory, or with
 * `REDIS_URL` as a node of a cluster.
 */
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError, loadConfig } from '#libs/config/config.ts';
import { fail, runAlone } from '#libs/process/process-life.ts';
import { FolderInUseError } from '#libs/store/embedded-postgres.ts';
import { banner } from './banner.ts';
import { runAllInOne } from './run-all-in-one.ts';

const DATA = fileURLToPath(new URL('../../.data', import.meta.url));

try {
  await run(loadConfig('all-in-one'));
} catch (error) {
  fail(error instanceof FolderInUseError ? new ConfigError([error.message]) : error);
}

async function run(config: Config): Promise<void> {
  if (config.gatewayProcesses > 1)
    throw new ConfigError(['GATEWAY_PROCESSES must be 1 in the all-in-one: for more, set REDIS_URL and run npm run gateway.']);
  const { service, adminPort } = await runAlone(config, (parts) => runAllInOne(config, DATA, parts));
  process.stdout.write(banner(config, { port: service.port, adminPort, localKey: service.localKey }));
}
