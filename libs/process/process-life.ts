/** How a process of ours begins to log, leaves when asked, and says why it cannot start. */

import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config/config.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { Background } from '#libs/telemetry/background.ts';
import { createLogger, type Logger, limitLog } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { type AdminPages, AdminServer, ListenError } from './admin-server.ts';

/** The version that package.json gives. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** How long after the drain time the process ends by force, milliseconds. */
const FORCE_EXIT_MS = 1000;

/**
 * A signal this long after the first is haste, milliseconds. Before, it is the same one: a terminal and systemd signal the whole process group, and npm passes
 * on what it gets.
 */
const HASTE_MS = 2000;

/** What runs in a process, for whoever starts and stops it. */
export interface Service {
  /** The public port; undefined if it has none. */
  readonly port?: number;
  /** Whether it would serve now. */
  ready(): boolean;
  /** Why it would not, where a backend is the reason. */
  problem?(): string | undefined;
  /** Brings the metrics up to date that are asked for, not counted. */
  sample?(): void | Promise<void>;
  /** What the admin port has beside health and metrics. */
  readonly pages?: AdminPages;
  /** Ends in good order, and gives its backends back. */
  stop(): Promise<void>;
}

/** A service that is up, and where. */
export interface RunningAlone<S extends Service> {
  readonly service: S;
  /** The admin port that was taken. */
  readonly adminPort: number;
}

/**
 * One service in this process, with an admin port of its own from before it starts until after it has stopped.
 * `waiting` is told why it is not up yet.
 * Resolves when it is up. @throws ListenError, and what `start` throws.
 */
export async function runAlone<S extends Service>(
  config: Config,
  start: (metrics: Metrics, log: Logger, waiting: (reason: string | undefined) => void) => Promise<S>,
): Promise<RunningAlone<S>> {
  const log = processLogger(config, config.nodeId);
  const metrics = new Metrics({ version });
  new Background({ log, failed: (task) => metrics.backgroundFault(task) }).guard();
  let running: S | undefined;
  let waiting: string | undefined;
  const admin = await AdminServer.start(config.adminPort, config.adminHost, {
    ready: () => running?.ready() ?? false,
    problem: () => (running === undefined ? waiting && `waiting for ${waiting}` : running.problem?.()),
    metrics: async () => {
      await running?.sample?.();
      return metrics.text();
    },
    metricsType: Metrics.contentType,
    pages: (request, response) => running?.pages?.(request, response) ?? false,
  });
  onSignal(config, log, async () => {
    await running?.stop();
    admin.close();
    return 0;
  });
  running = await start(metrics, log, (reason) => {
    waiting = reason;
  });
  log.info({ port: running.port, adminPort: admin.port }, 'listening');
  return { service: running, adminPort: admin.port };
}

/** The log of this process, begun with what a careful operator would change. */
export function processLogger(config: Config, node: string): Logger {
  const log = limitLog(createLogger({ node, level: config.logLevel }));
  for (const warning of config.warnings) log.warn(warning);
  return log;
}

/**
 * SIGTERM and SIGINT leave in good order once; haste (a signal more than two seconds after the first), or time, ends it.
 * @param again Whether haste ends it.
 */
export function onSignal(config: Config, log: Logger, leave: () => Promise<number>, again: () => boolean = () => true): void {
  let since: number | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    if (since !== undefined) {
      if (performance.now() - since > HASTE_MS && again()) process.exit(1);
      return;
    }
    since = performance.now();
    log.info({ signal }, 'draining');
    setTimeout(() => process.exit(1), config.drainSeconds * 1000 + FORCE_EXIT_MS).unref();
    leave().then(
      (code) => process.exit(code),
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

/** What a person has to know, on one line each; anything unexpected with its stack. */
export function fail(error: unknown): never {
  if (error instanceof ConfigError) for (const problem of error.problems) process.stderr.write(`parley: ${problem}\n`);
  else if (error instanceof ListenError || error instanceof TypeError || error instanceof HubError)
    process.stderr.write(`parley: ${error.message}\n`);
  else process.stderr.write(`parley: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
