/** One API process, from its configuration to its shutdown. */

import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { openTokens } from '#libs/auth/tokens.ts';
import { openRedisBackend } from '#libs/backend/backend.ts';
import { hubParts } from '#libs/backend/hub-parts.ts';
import { tokenObserver } from '#libs/backend/token-observer.ts';
import type { Config } from '#libs/config/config.ts';
import { boardAdapters } from '#libs/jobs/queue-board.ts';
import { ListenError, listenSeconds } from '#libs/process/admin-server.ts';
import { type ProcessParts, type Service, version } from '#libs/process/process-life.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { tracedStore } from '#libs/store/traced-store.ts';
import { Background } from '#libs/telemetry/background.ts';
import { openAdminPages } from './admin.ts';
import { composeAddresses, composeApi } from './compose.ts';

/** Milliseconds between two passes that close idle connections during the shutdown. */
const IDLE_MS = 50;
const PAGE = fileURLToPath(new URL('../web/dist', import.meta.url));

/**
 * Starts the API on `PORT`. `stop` answers the requests under way, then closes everything.
 *
 * @throws ListenError, TypeError (a bad URL or a missing setting), ConfigError (a bad key file).
 */
export async function runApi(config: Config, { metrics, log, tracer, waiting }: ProcessParts): Promise<Service> {
  const { redisUrl, databaseUrl } = config;
  const [secret, ...others] = config.jwtSecrets;
  if (redisUrl === undefined || databaseUrl === undefined || secret === undefined)
    throw new TypeError('the API needs REDIS_URL, DATABASE_URL and JWT_SECRET');
  const watch = tokenObserver(config, metrics, log);
  const tokens = openTokens(config, Date.now, watch);
  const store = await openStore({ url: databaseUrl, log, observe: tracedStore(metrics.store, tracer) });
  const backend = await openRedisBackend(redisUrl, config, { node: config.nodeId, store, metrics, log, tracer, waiting });
  const background = new Background({ log, failed: (task) => metrics.backgroundFault(task) });
  // During a rolling update, nodes of an earlier version still created names after the migration.
  background.run('logins', () => store.names.enterMissing());
  const parts = hubParts(config, tokens.verifier, backend, log, background);
  const feed = await parts.follow(() => undefined);
  metrics.watch('revocationLag', () => feed.lag);
  const jobs = await backend.jobs();
  let stopping = false;
  const addresses = composeAddresses(backend, secret, log);
  const app = composeApi({
    config,
    secrets: [secret, ...others],
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
  const admin = await openAdminPages({
    log,
    uuid: randomUUID,
    now: Date.now,
    password: config.adminPassword,
    origins: parts.origins,
    localKey: undefined,
    nodes: backend.nodes,
    presence: backend.presence,
    broker: backend.broker,
    store,
    addresses,
    jobs,
    version,
    redis: true,
    dashboardUrl: config.dashboardUrl,
    prometheusUrl: config.prometheusUrl,
    prometheusCredential: config.prometheusCredential,
    warnings: async () => [...config.warnings, ...(await backend.warnings())],
    keySet: () => watch.keys,
    page: PAGE,
    board: boardAdapters(jobs),
  });
  const port = await listen(app, config.port, config.host);
  return {
    port,
    pages: admin.pages,
    ready: () => !stopping && backend.problem() === undefined && feed.ready,
    problem: () => backend.problem(),
    async stop() {
      stopping = true;
      // New requests still get an answer: a balancer sends them until it notices the shutdown.
      await delay(listenSeconds(config.drainSeconds, config.drainListenSeconds) * 1000);
      await leave(app);
      await admin.close();
      await feed.stop();
      await jobs.close();
      await backend.close();
    },
  };
}

/**
 * Answers the requests under way, and closes every connection as soon as it is idle: clients keep
 * connections open for their next request.
 */
async function leave(app: FastifyInstance): Promise<void> {
  const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_MS);
  await app.close();
  clearInterval(idle);
}

async function listen(app: FastifyInstance, port: number, host: string | undefined): Promise<number> {
  try {
    await app.listen({ port, host: host ?? '::' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // On a machine without IPv6, every address means every IPv4 address.
    if (code === 'EAFNOSUPPORT' && host === undefined) return listen(app, port, '0.0.0.0');
    if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL')
      throw new ListenError(`port ${port} is taken or not allowed: set PORT to another one`);
    throw error;
  }
  return (app.server.address() as AddressInfo).port;
}
