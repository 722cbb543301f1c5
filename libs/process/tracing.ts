/** Opens the traces of a program, if its settings ask for them. */
import type { Config } from '#libs/config/config.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { SpanResult } from '#libs/telemetry/span-queue.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';

const RESULTS: readonly SpanResult[] = ['exported', 'failed', 'dropped'];
const COLLECTOR = 'http://localhost:4318';

/** The parts of a tracer. */
export interface TracerParts {
  /** The name of this process: `service.instance.id`. */
  readonly node: string;
  readonly version: string;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Resolves to the tracer of this process; undefined if traces are off. Only then the library is not
 * even loaded.
 */
export async function openTracer(config: Config, { node, version, metrics, log }: TracerParts): Promise<Tracer | undefined> {
  if (!isAskedFor(config)) return undefined;
  const { OtelTracer } = await import('#libs/telemetry/otel-tracer.ts');
  for (const result of RESULTS) metrics.spans(result, 0);
  return new OtelTracer({
    url: addressOf(config),
    protocol: config.otelProtocol,
    headers: config.otelHeaders ?? {},
    timeoutMs: config.otelTimeoutMs,
    sampler: config.otelSampler,
    ratio: config.otelSamplerRatio,
    resource: {
      'service.name': config.otelServiceName ?? config.otelResource?.['service.name'] ?? `parley-${config.role}`,
      'service.instance.id': node,
      'service.version': version,
      ...withoutName(config.otelResource),
    },
    delayMs: config.otelDelayMs,
    queueMax: config.otelQueueMax,
    counted: (result, count) => metrics.spans(result, count),
    log,
  });
}

function isAskedFor({ otelDisabled, otelExporter, otelEndpoint, otelTracesEndpoint }: Config): boolean {
  if (otelDisabled === 'true' || otelExporter === 'none') return false;
  return otelExporter === 'otlp' || otelEndpoint !== undefined || otelTracesEndpoint !== undefined;
}

function addressOf({ otelEndpoint = COLLECTOR, otelTracesEndpoint }: Config): string {
  return otelTracesEndpoint ?? new URL('v1/traces', otelEndpoint.endsWith('/') ? otelEndpoint : `${otelEndpoint}/`).href;
}

function withoutName({ 'service.name': _name, ...others }: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return others;
}
