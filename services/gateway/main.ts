/** `npm run gateway`: starts one gateway, or the parent of several (`GATEWAY_PROCESSES`). */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Config, loadConfig } from '#libs/config/config.ts';
import { AdminServer } from '#libs/process/admin-server.ts';
import { fail, onSignal, processLogger, runAlone, version } from '#libs/process/process-life.ts';
import { openTracer } from '#libs/process/tracing.ts';
import { Background } from '#libs/telemetry/background.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { type ChildMessage, type ParentMessage, ProcessGroup } from './process-group.ts';
import { gatewaySettings, type RunningGateway, runGateway } from './run-gateway.ts';

const READY_EVERY_MS = 250;

const { values } = parseArgs({ options: { child: { type: 'string' }, node: { type: 'string' }, port: { type: 'string' } } });

try {
  const config = loadConfig('gateway');
  if (values.child !== undefined) await child(config, `${values.node ?? config.nodeId}-${Number(values.child) + 1}`, Number(values.port));
  else if (config.gatewayProcesses > 1) await parent(config);
  else await runAlone(config, (parts) => runGateway(config, config.nodeId, config.port, parts));
} catch (error) {
  fail(error);
}

/** Runs one of several gateways. The parent answers on the admin port for it. */
async function child(config: Config, node: string, port: number): Promise<void> {
  // The parent has logged the warnings about settings already.
  const log = processLogger({ ...config, warnings: [] }, node);
  const metrics = new Metrics({ version });
  const background = new Background({ log, failed: (task) => metrics.backgroundFault(task) });
  background.guard();
  const tracer = await openTracer(config, { node, version, metrics, log });
  const report = (message: ChildMessage): void => {
    // With a callback a parent that is just ending is no error: without one, EPIPE would end this
    // process with a stack.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  let running: RunningGateway | undefined;
  // A second signal is for the parent to handle. Without a parent this process exits at once.
  onSignal(
    config,
    log,
    async () => {
      await running?.stop();
      await tracer?.close();
      return 0;
    },
    () => !process.connected,
  );
  // If the parent is gone, nobody can report for this process. It drains as after SIGTERM.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  running = await runGateway(config, node, port, {
    metrics,
    log,
    tracer,
    waiting(reason) {
      if (reason !== undefined) report({ type: 'ready', ready: false, problem: `waiting for ${reason}` });
    },
  });
  const { gateway } = running;
  process.on('message', (message: ParentMessage) => {
    if (message.type !== 'metrics') return;
    background.run('telling', async () => {
      await gateway.sample();
      report({ type: 'metrics', snapshot: await metrics.json() });
    });
  });
  const service = running;
  metrics.watch('ready', () => (service.ready() ? 1 : 0));
  let reported = '';
  const reportReady = (): void => {
    const state = { ready: service.ready(), problem: service.problem?.() };
    if (JSON.stringify(state) === reported) return;
    reported = JSON.stringify(state);
    report({ type: 'ready', ...state });
  };
  reportReady();
  setInterval(reportReady, READY_EVERY_MS).unref();
  report({ type: 'listening', port: gateway.port });
}

/** Runs the parent: starts the gateways and answers on the admin port for them. */
async function parent(config: Config): Promise<void> {
  // Checks the settings once here. Otherwise every child would report the same problem.
  gatewaySettings(config);
  const log = processLogger(config, config.nodeId);
  const group = new ProcessGroup({
    main: fileURLToPath(import.meta.url),
    node: config.nodeId,
    count: config.gatewayProcesses,
    port: config.port,
    log,
  });
  const admin = await AdminServer.start(config.adminPort, config.adminHost, group);
  onSignal(config, log, async () => {
    const code = await group.stop();
    admin.close();
    return code;
  });
  await group.start();
  log.info({ port: group.port, adminPort: admin.port, processes: config.gatewayProcesses }, 'listening');
}
