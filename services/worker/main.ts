/** `npm run worker`: does the jobs. Any number of workers may run, on any number of machines. */
import { openRedisBackend } from '#libs/backend/backend.ts';
import { type Config, loadConfig } from '#libs/config/config.ts';
import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { fail, type ProcessParts, runAlone, type Service } from '#libs/process/process-life.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { tracedStore } from '#libs/store/traced-store.ts';
import { composeWorker } from './worker.ts';

try {
  const config = loadConfig('worker');
  await runAlone(config, (parts) => run(config, parts));
} catch (error) {
  fail(error);
}

async function run(config: Config, { metrics, log, tracer, waiting }: ProcessParts): Promise<Service> {
  const { redisUrl, databaseUrl, smtpUrl } = config;
  const [secret, ...others] = config.jwtSecrets;
  if (redisUrl === undefined || databaseUrl === undefined || smtpUrl === undefined || secret === undefined)
    throw new TypeError('a worker needs REDIS_URL, DATABASE_URL, SMTP_URL and JWT_SECRET');
  const mailer = new SmtpMailer({ url: smtpUrl, from: config.mailFrom });
  const store = await openStore({ url: databaseUrl, log, observe: tracedStore(metrics.store, tracer) });
  const backend = await openRedisBackend(redisUrl, config, { node: config.nodeId, store, metrics, log, tracer, waiting });
  const worker = await composeWorker({ config, secrets: [secret, ...others], backend, jobs: await backend.jobs(), mailer, metrics, log });
  return {
    ready: () => backend.problem() === undefined,
    problem: () => backend.problem(),
    sample: () => worker.sample(),
    async stop() {
      await worker.stop();
      await backend.close();
    },
  };
}
