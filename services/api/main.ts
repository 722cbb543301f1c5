/**
 * The program of `npm run api`: the HTTP API and the pages. Any number of these processes may run
 * on any number of machines.
 */
import { loadConfig } from '#libs/config/config.ts';
import { fail, runAlone } from '#libs/process/process-life.ts';
import { runApi } from './run-api.ts';

try {
  const config = loadConfig('api');
  await runAlone(config, (parts) => runApi(config, parts));
} catch (error) {
  fail(error);
}
