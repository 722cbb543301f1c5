/** Runs one gateway in this process: its settings, start, reports and end. */
import { openTokens } from '#libs/auth/tokens.ts';
import { openRedisBackend } from '#libs/backend/backend.ts';
import { hubParts } from '#libs/backend/hub-parts.ts';
import { type TokenWatch, tokenObserver } from '#libs/backend/token-observer.ts';
import type { Config } from '#libs/config/config.ts';
import { basePath, transportSecurity } from '#libs/config/public-url.ts';
import { systemClock } from '#libs/hub/ports/clock.ts';
import { NODE_ROOMS_MAX, type NodeDirectory, type NodeLimits, NodeReporter } from '#libs/presence/node-directory.ts';
import { connectionsFor, openFilesLimit } from '#libs/process/open-files.ts';
import { type ProcessParts, type Service, version } from '#libs/process/process-life.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { openAccessLog } from '#libs/telemetry/access-log.ts';
import { Background } from '#libs/telemetry/background.ts';
import { LoopLag } from '#libs/telemetry/loop-lag.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { QuantileWindow } from '#libs/telemetry/quantile-window.ts';
import { Gateway, type GatewaySettings } from './gateway.ts';
import { nothingHere } from './http-adapter.ts';

const P99 = 0.99;

/** A gateway that runs in this process. */
export interface RunningGateway extends Service {
  readonly gateway: Gateway;
}

/**
 * Starts a gateway on `port`. Waits until Redis and PostgreSQL have answered.
 *
 * @throws ListenError if the port cannot be opened. TypeError for a bad URL. ConfigError for a bad
 *   key file, or if a backend refuses this user.
 */
export async function runGateway(
  config: Config,
  node: string,
  port: number,
  { metrics, log, tracer, waiting }: ProcessParts,
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
    http: nothingHere,
  });
  gateway = running;
  const reporter = reportNode(node, running, settings, backend.nodes, metrics, background, watch);
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

/** Reports the state of a gateway to the admin pages (A13), until the reporter is closed. */
export function reportNode(
  id: string,
  gateway: Gateway,
  settings: GatewaySettings,
  directory: NodeDirectory,
  { hot, hub }: Metrics,
  background: Background,
  tokens: Pick<TokenWatch, 'keys'>,
): NodeReporter {
  const acks = new QuantileWindow(
    Object.values(hub.acks).flatMap((timings) => Object.values(timings)),
    P99,
  );
  const deliveries = new QuantileWindow(Object.values(hub.delivery), P99);
  const limits = limitsOf(settings);
  const lag = new LoopLag();
  const loopLag = (): number => {
    const seconds = lag.percentile(P99 * 100);
    lag.reset();
    return seconds;
  };
  return new NodeReporter({
    directory,
    id,
    version,
    clock: systemClock,
    background,
    read: () => ({
      connections: gateway.hub.census.connections,
      messages: hot.received,
      redisLag: hot.redisLagSeconds,
      ackP99: acks.next(),
      deliveryP99: deliveries.next(),
      state: gateway.hub.draining ? 'draining' : 'serving',
      userCount: gateway.hub.census.users,
      roomCount: gateway.hub.census.rooms,
      loopLag: loopLag(),
      limits,
      rooms: gateway.hub.census.topRooms(NODE_ROOMS_MAX),
      keySet: tokens.keys,
    }),
  });
}

function limitsOf(settings: GatewaySettings): NodeLimits {
  const { connectionsMax, connectionsPerUser, connectionsPerAddress, roomLimit, frameRate, messageMaxChars, drainSeconds } = settings;
  return {
    connections: Number.isFinite(connectionsMax) ? connectionsMax : 0,
    connectionsPerUser,
    connectionsPerAddress,
    roomsPerConnection: roomLimit,
    framesPerSecond: frameRate,
    messageChars: messageMaxChars,
    drainSeconds,
  };
}

/**
 * Returns the settings of the gateway from the configuration.
 *
 * @param port Replaces the configured port if a parent process has chosen one already.
 * @throws ConfigError if the limit of open files is too low for `CONNECTIONS_MAX`.
 */
export function gatewaySettings(config: Config, port: number = config.port): GatewaySettings {
  const openFilesMax = openFilesLimit();
  return {
    port,
    host: config.host,
    sharePort: config.gatewayProcesses > 1,
    singleSession: config.sessions === 'single',
    basePath: basePath(config.publicUrl),
    transportSecurity: transportSecurity(config.publicUrl),
    trustedProxyHops: config.trustedProxyHops,
    handshakesPerMinute: config.handshakesPerMinute,
    connectionsMax: connectionsFor(config.connectionsMax, openFilesMax),
    openFilesMax,
    connectionsPerUser: config.connectionsPerUser,
    connectionsPerAddress: config.connectionsPerAddress,
    pingsPerSecond: config.pingsPerSecond,
    newRoomsPerMinute: config.newRoomsPerMinute,
    frameRate: config.frameRate,
    frameBurst: config.frameBurst,
    userBytesPerSecond: config.userBytesPerSecond,
    userBytesBurst: config.userBytesBurst,
    historyPagesPerSecond: config.historyPagesPerSecond,
    messageMaxChars: config.messageMaxChars,
    conversationMaxChars: config.conversationMaxChars,
    frameMaxBytes: config.frameMaxBytes,
    roomLimit: config.roomLimit,
    heartbeatSeconds: config.heartbeatSeconds,
    stateLostSeconds: config.stateLostSeconds,
    drainSeconds: config.drainSeconds,
    drainListenSeconds: config.drainListenSeconds,
  };
}
