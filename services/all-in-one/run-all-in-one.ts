/** The whole hub in one process, from its configuration to its end. */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTokens } from '#libs/auth/tokens.ts';
import { awaitedStore, openMemoryBackend, openRedisBackend } from '#libs/backend/backend.ts';
import { hubParts } from '#libs/backend/hub-parts.ts';
import { tokenObserver } from '#libs/backend/token-observer.ts';
import { answered } from '#libs/backend/waiting.ts';
import { type Config, ConfigError } from '#libs/config/config.ts';
import { keptSecret } from '#libs/config/own-folder.ts';
import { DevMailbox } from '#libs/mail/dev-mailbox.ts';
import { SmtpMailer } from '#libs/mail/smtp-mailer.ts';
import { type ProcessParts, type Service, version } from '#libs/process/process-life.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';
import { startEmbedded } from '#libs/store/embedded-postgres.ts';
import { migrate } from '#libs/store/migrate.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { tracedStore } from '#libs/store/traced-store.ts';
import { openAccessLog } from '#libs/telemetry/access-log.ts';
import { Background } from '#libs/telemetry/background.ts';
import { standardOutput } from '#libs/telemetry/standard-output.ts';
import { openAdminPages } from '#services/api/admin.ts';
import { bridgeTo } from '#services/api/api-bridge.ts';
import { composeAddresses, composeApi } from '#services/api/compose.ts';
import { LocalKey } from '#services/api/local-key.ts';
import { Gateway } from '#services/gateway/gateway.ts';
import { gatewaySettings, reportNode } from '#services/gateway/run-gateway.ts';
import { composeWorker } from '#services/worker/worker.ts';
import { showMailbox } from './dev-mailbox-page.ts';

/** Random bytes of the key that each start makes. */
const KEY_BYTES = 24;

const PAGE = fileURLToPath(new URL('../web/dist', import.meta.url));

/** The all-in-one that runs in this process. */
export interface RunningAllInOne extends Service {
  readonly port: number;
  /** Opens the mailbox, and the admin pages if they have no password. */
  readonly localKey: LocalKey;
}

/**
 * Starts everything. Nothing listens before all of it is ready. `data`: the folder for data that
 * has no other place.
 * @throws ListenError, ConfigError, TypeError (a bad URL), FolderInUseError (another copy uses
 * `data`).
 */
export async function runAllInOne(config: Config, data: string, { metrics, log, tracer, waiting }: ProcessParts): Promise<RunningAllInOne> {
  const settings = gatewaySettings(config);
  const [secret = ownSecret(config, data), ...others] = config.jwtSecrets;
  const secrets = [secret, ...others] as const;
  const watch = tokenObserver(config, metrics, log);
  const tokens = openTokens({ ...config, jwtSecrets: secrets }, Date.now, watch);
  const database = config.databaseUrl === undefined ? await startEmbedded(join(data, 'postgres'), log) : undefined;
  const databaseUrl = config.databaseUrl ?? database?.url ?? '';
  const store = await openStore({ url: databaseUrl, log, observe: tracedStore(metrics.store, tracer) });
  const node = config.nodeId;
  const { redisUrl } = config;
  const backend =
    redisUrl === undefined
      ? openMemoryBackend(config, { store, metrics, log, tracer })
      : await openRedisBackend(redisUrl, config, { node, store, metrics, log, tracer, waiting, migrates: true });
  if (redisUrl === undefined) await answered([awaitedStore(config.databaseUrl, store, true)], log, waiting);
  await migrate(databaseUrl, { waiting: (line) => log.warn(line) });
  if (redisUrl === undefined) for (const warning of await backend.warnings()) log.warn(warningText(warning));
  const background = new Background({ log, failed: (task) => metrics.backgroundFault(task) });
  const parts = hubParts(config, tokens.verifier, backend, log, background);
  const jobs = await backend.jobs();
  const mailbox = config.smtpUrl === undefined ? new DevMailbox({ print: (text) => standardOutput().write(`${text}\n`) }) : undefined;
  const localKey = new LocalKey({ ...config, key: randomBytes(KEY_BYTES).toString('base64url') });
  let stopping = false;
  const addresses = composeAddresses(backend, secrets[0], log);
  const api = composeApi({
    config,
    secrets,
    tokens,
    backend,
    parts,
    jobs,
    addresses,
    metrics,
    log,
    tracer,
    draining: () => stopping,
    page: PAGE,
  });
  if (mailbox !== undefined) showMailbox(api, mailbox, localKey);
  await api.ready();
  const mailer = mailbox ?? new SmtpMailer({ url: config.smtpUrl ?? '', from: config.mailFrom });
  const worker = await composeWorker({ config, secrets, backend, jobs, mailer, metrics, log });
  const admin = await openAdminPages({
    log,
    uuid: randomUUID,
    now: Date.now,
    password: config.adminPassword,
    origins: parts.origins,
    localKey,
    nodes: backend.nodes,
    presence: backend.presence,
    broker: backend.broker,
    store,
    addresses,
    jobs,
    version,
    redis: redisUrl !== undefined,
    dashboardUrl: config.dashboardUrl,
    prometheusUrl: config.prometheusUrl,
    prometheusCredential: config.prometheusCredential,
    warnings: async () => [...config.warnings, ...(await backend.warnings())],
    keySet: () => watch.keys,
    page: PAGE,
    // The board loads BullMQ, which a node that runs alone does not need.
    board: redisUrl === undefined ? [] : (await import('#libs/jobs/queue-board.ts')).boardAdapters(jobs),
  });
  let gateway: Gateway | undefined;
  const feed = await parts.follow((revocation) => gateway?.hub.revoke(revocation));
  const rooms = await parts.followRooms(() => gateway?.hub.lostAccess);
  metrics.watch('revocationLag', () => feed.lag);
  metrics.watch('roomEventsLag', () => rooms.lag);
  const running = await Gateway.start(settings, {
    node,
    ...backend,
    ...parts,
    metrics,
    log,
    background,
    tracer,
    accessLog: openAccessLog(config, log),
    http: bridgeTo(api, randomUUID),
  });
  gateway = running;
  const reporter = reportNode(node, running, settings, backend.nodes, metrics, background, watch);
  return {
    port: running.port,
    localKey,
    ready: () => running.ready && feed.ready && rooms.ready && backend.problem() === undefined,
    problem: () => backend.problem(),
    async sample() {
      await Promise.all([running.sample(), worker.sample()]);
    },
    pages: admin.pages,
    async stop() {
      stopping = true;
      const drained = running.drain();
      reporter.report();
      await drained;
      await reporter.close();
      await Promise.all([feed.stop(), rooms.stop()]);
      await api.close();
      await admin.close();
      await worker.stop();
      await backend.close();
      await database?.stop();
    },
  };
}

/** Throws `ConfigError` with all missing settings if `data` cannot hold a secret. */
function ownSecret(config: Config, data: string): string {
  try {
    return keptSecret(data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      `JWT_SECRET is not set, and none can be kept (${why}): set it to at least 32 random bytes, or make ${data} writable.`,
      ...(config.databaseUrl === undefined ? [`DATABASE_URL is not set, and the embedded database needs ${data}, too: set it.`] : []),
    ]);
  }
}
