/** One gateway process, from its configuration to its end. */
import { openTokens } from '#libs/auth/tokens.ts';
import { hubParts } from '#libs/backend/hub-parts.ts';
import { openRedisBackend } from '#libs/backend/redis-backend.ts';
import { tokenObserver } from '#libs/backend/token-observer.ts';
import type { WaitingListener } from '#libs/backend/waiting.ts';
import type { Config } from '#libs/config/config.ts';
import type { Service } from '#libs/process/process-life.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { Gateway } from './gateway.ts';
import { nothingHere } from './http-adapter.ts';
import { reportNode } from './report-node.ts';
import { gatewaySettings } from './settings.ts';

/** A gateway that runs in this process. */
export interface RunningGateway extends Service {
  readonly gateway: Gateway;
}

/** Starts a gateway on `port`. @throws ListenError, TypeError (a bad URL), ConfigError (a bad key file). */
export async function runGateway(
  config: Config,
  node: string,
  port: number,
  metrics: Metrics,
  log: Logger,
  waiting?: WaitingListener,
): Promise<RunningGateway> {
  const { redisUrl, databaseUrl } = config;
  const settings = gatewaySettings(config, port);
  if (redisUrl === undefined || databaseUrl === undefined) throw new TypeError('a gateway needs REDIS_URL and DATABASE_URL');
  const watch = tokenObserver(config, metrics, log);
  const { verifier } = openTokens(config, Date.now, watch);
  const store = await openStore({ url: databaseUrl, log, observe: metrics.store });
  const backend = await openRedisBackend(redisUrl, config, { node, store, metrics, log, waiting });
  const background = new Background({ log, failed: (task) => metrics.backgroundFault(task) });
  const parts = hubParts(config, verifier, backend, log, background);
  let gateway: Gateway | undefined;
  const feed = await parts.follow((revocation) => gateway?.hub.revoke(revocation));
  const rooms = await parts.followRooms(() => gateway?.hub.lostAccess);
  const running = await Gateway.start(settings, { node, ...backend, ...parts, metrics, log, background, http: nothingHere });
  gateway = running;
  const reporter = reportNode(node, running, backend.nodes, metrics, background, watch);
  return {
    gateway: running,
    port: running.port,
    ready: () => running.ready && feed.ready && rooms.ready && backend.problem() === undefined,
    problem: () => backend.problem(),
    sample: () => running.sample(),
    async stop() {
      const drained = running.drain();
      reporter.report();
      await drained;
      await reporter.close();
      await Promise.all([feed.stop(), rooms.stop()]);
      await backend.close();
    },
  };
}
