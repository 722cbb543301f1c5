/**
 * Traces by OpenTelemetry, sent over OTLP. Loaded only if traces are on: see `openTracer` in
 * `libs/process`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type HrTime,
  SpanKind as OtelKind,
  type Span as OtelSpanApi,
  type Tracer as OtelTracerApi,
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { SpanQueue, type SpanResult } from './span-queue.ts';
import type { Span, SpanAttributes, SpanKind, TraceHeaders, Tracer } from './tracer.ts';

/** Which traces are chosen at their head. The names of OpenTelemetry. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Options of `OtelTracer`. */
export interface OtelTracerOptions {
  /** Where the spans are posted to. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds that a batch may take, with its repetitions. */
  readonly timeoutMs: number;
  readonly sampler: (typeof SAMPLERS)[number];
  /** The share of new traces, 0 to 1, of a sampler that has a ratio. */
  readonly ratio: number;
  /** What the spans are of: `service.name` and more. */
  readonly resource: Readonly<Record<string, string>>;
  /** Milliseconds between two batches. */
  readonly delayMs: number;
  /** Spans that wait at most. Further ones are dropped. */
  readonly queueMax: number;
  /** Counts spans by what became of them. */
  readonly counted: (result: SpanResult, spans: number) => void;
  readonly log: Pick<Logger, 'warn'>;
}

const KINDS: Readonly<Record<SpanKind, OtelKind>> = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
};

/** Milliseconds that `close` waits for the exporter. */
const CLOSE_MS = 3000;

const W3C = new W3CTraceContextPropagator();

/** A tracer that posts its spans. It neither waits for the exporter nor fails if that does. */
export class OtelTracer implements Tracer {
  readonly #provider: TracerProvider;
  readonly #tracer: OtelTracerApi;
  /** The share of traces that begin here. */
  readonly #ratio: number;
  /** Whether a trace that comes from elsewhere is chosen by the one who began it. */
  readonly #trustsParent: boolean;
  readonly #byId: TraceIdRatioBasedSampler;
  readonly #active = new AsyncLocalStorage<OtelSpan>();

  constructor(options: OtelTracerOptions) {
    const { url, protocol, headers, timeoutMs, sampler, resource } = options;
    const Exporter = protocol === 'http/json' ? JsonExporter : ProtobufExporter;
    const exporter = new Exporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({ ...resource }),
      // What is not chosen never comes here.
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new SpanQueue({ ...options, exporter })],
    });
    this.#tracer = this.#provider.getTracer('parley');
    this.#ratio = sampler.endsWith('always_on') ? 1 : sampler.endsWith('always_off') ? 0 : options.ratio;
    this.#trustsParent = sampler.startsWith('parentbased_');
    this.#byId = new TraceIdRatioBasedSampler(this.#ratio);
  }

  begin(name: string, kind: SpanKind, attributes: SpanAttributes, since?: number): Span | undefined {
    if (this.#ratio < 1 && Math.random() >= this.#ratio) return undefined;
    return this.#start(ROOT_CONTEXT, name, kind, attributes, since);
  }

  resume(headers: TraceHeaders, name: string, kind: SpanKind, attributes: SpanAttributes, since?: number): Span | undefined {
    const context = W3C.extract(ROOT_CONTEXT, headers, {
      get: (from, key) => (key === 'traceparent' ? from.traceparent : from.tracestate),
      keys: () => ['traceparent', 'tracestate'],
    });
    const parent = trace.getSpanContext(context);
    if (parent === undefined) return this.begin(name, kind, attributes, since);
    const isChosen = this.#trustsParent
      ? (parent.traceFlags & TraceFlags.SAMPLED) !== 0
      : this.#byId.shouldSample(context, parent.traceId).decision !== 0;
    return isChosen ? this.#start(context, name, kind, attributes, since) : undefined;
  }

  within<T>(span: Span, work: () => T): T {
    return span instanceof OtelSpan ? this.#active.run(span, work) : work();
  }

  get active(): Span | undefined {
    const span = this.#active.getStore();
    return span?.open ? span : undefined;
  }

  async close(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
  }

  #start(context: Context, name: string, kind: SpanKind, attributes: SpanAttributes, since: number = performance.now()): Span {
    return new OtelSpan(this.#tracer, Date.now() - performance.now(), context, name, kind, attributes, since);
  }
}

class OtelSpan implements Span {
  open = true;
  readonly #tracer: OtelTracerApi;
  /**
   * The wall clock less `performance.now()`, as the trace began in this program. All its spans are
   * measured by the steady clock, so none ends before it begins.
   */
  readonly #offset: number;
  readonly #span: OtelSpanApi;
  readonly #context: Context;

  constructor(
    tracer: OtelTracerApi,
    offset: number,
    context: Context,
    name: string,
    kind: SpanKind,
    attributes: SpanAttributes,
    since: number,
  ) {
    this.#tracer = tracer;
    this.#offset = offset;
    this.#span = tracer.startSpan(name, { kind: KINDS[kind], attributes, startTime: this.#at(since) }, context);
    this.#context = trace.setSpan(context, this.#span);
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get traceparent(): string {
    const { traceId, spanId } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-01`;
  }

  child(name: string, kind: SpanKind, attributes: SpanAttributes = {}): Span {
    return this.#child(name, kind, attributes, performance.now());
  }

  over(name: string, kind: SpanKind, seconds: number, attributes: SpanAttributes = {}): void {
    this.#child(name, kind, attributes, performance.now() - seconds * 1000).end();
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(code: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    this.#span.setAttribute('error.type', code);
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    this.#span.end(this.#at(performance.now()));
  }

  #child(name: string, kind: SpanKind, attributes: SpanAttributes, since: number): OtelSpan {
    return new OtelSpan(this.#tracer, this.#offset, this.#context, name, kind, attributes, since);
  }

  #at(steady: number): HrTime {
    const ms = this.#offset + steady;
    return [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)];
  }
}
