/** The life of a process: start, readiness, signals, and the text of a failed start. */

import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '#libs/config/config.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';
import { Background } from '#libs/telemetry/background.ts';
import { createLogger, type Logger, limitLog } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { type AdminPages, AdminServer, ListenError } from './admin-server.ts';
import { openTracer } from './tracing.ts';

/** The version of package.json. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** Milliseconds after the drain time until the process exits by force. */
const FORCE_EXIT_MS = 1000;

/**
 * A signal this many milliseconds after the first one asks for haste. An earlier one is a copy of
 * the first: a terminal and systemd signal the whole process group, and npm passes signals on.
 */
const HASTE_MS = 2000;

/** A program that runs in a process. */
export interface Service {
  /** The public port; undefined if it has none. */
  readonly port?: number;
  /** Whether it serves now. */
  ready(): boolean;
  /** Why it does not serve, if a backend is the reason. */
  problem?(): string | undefined;
  /** Updates the gauges of the metrics. Called before each scrape. */
  sample?(): Promise<void>;
  /** The pages under `/admin` of the admin port. */
  readonly pages?: AdminPages;
  /** Stops serving and closes its backends. */
  stop(): Promise<void>;
}

/** What a program gets of its process. */
export interface ProcessParts {
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Undefined: traces are off. */
  readonly tracer: Tracer | undefined;
  /** Called with the reason while the service is not up yet. */
  waiting(reason: string | undefined): void;
}

/** A service that is up. */
export interface RunningAlone<S extends Service> {
  readonly service: S;
  /** The admin port that it listens on. */
  readonly adminPort: number;
}

/**
 * Runs one service in this process. Its admin port answers before the service starts and until it
 * has stopped. Resolves when the service is up.
 *
 * @throws ListenError if the admin port cannot be opened, and the errors of `start`.
 */
export async function runAlone<S extends Service>(config: Config, start: (parts: ProcessParts) => Promise<S>): Promise<RunningAlone<S>> {
  const log = processLogger(config, config.nodeId);
  const metrics = new Metrics({ version });
  const tracer = await openTracer(config, { node: config.nodeId, version, metrics, log });
  new Background({ log, failed: (task) => metrics.backgroundFault(task) }).guard();
  let running: S | undefined;
  let waiting: string | undefined;
  metrics.watch('ready', () => (running?.ready() ? 1 : 0));
  const admin = await AdminServer.start(config.adminPort, config.adminHost, {
    started: () => running !== undefined,
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
    await tracer?.close();
    admin.close();
    return 0;
  });
  running = await start({
    metrics,
    log,
    tracer,
    waiting(reason) {
      waiting = reason;
    },
  });
  log.info({ port: running.port, adminPort: admin.port }, 'listening');
  return { service: running, adminPort: admin.port };
}

/** Makes the log of this process and logs the warnings about settings. */
export function processLogger(config: Config, node: string): Logger {
  const log = limitLog(createLogger({ node, level: config.logLevel }));
  for (const warning of config.warnings) log.warn(warningText(warning));
  return log;
}

/**
 * Handles SIGTERM and SIGINT: the first one calls `leave` and exits with its code. The process
 * exits with 1 if a second signal comes more than two seconds later, or if the drain takes too
 * long.
 *
 * @param again Whether a second signal may end the process.
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

/**
 * Writes the reason of a failed start to standard error and exits with 1. A known error is one line
 * for each problem; an unexpected one has its stack.
 */
export function fail(error: unknown): never {
  if (error instanceof ConfigError) for (const problem of error.problems) process.stderr.write(`parley: ${problem}\n`);
  else if (error instanceof ListenError || error instanceof TypeError || error instanceof HubError)
    process.stderr.write(`parley: ${error.message}\n`);
  else process.stderr.write(`parley: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
