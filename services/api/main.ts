/** `npm run api`: HTTP, and the page. Any number of them, on any number of machines. */
import { loadConfig } from '#libs/config/config.ts';
import { fail, runAlone } from '#libs/process/process-life.ts';
import { runApi } from './run-api.ts';

try {
  const config = loadConfig('api');
  await runAlone(config, (metrics, log, waiting) => runApi(config, metrics, log, waiting));
} catch (error) {
  fail(error);
}
