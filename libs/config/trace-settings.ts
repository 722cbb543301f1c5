/**
 * The settings of traces. Names, values and defaults are those of OpenTelemetry's specification
 * ("Environment Variable Specification"), but that traces are off unless they are asked for.
 */
import { choice, fraction, integer, linkUrl, pairs, text } from './kinds.ts';
import { setting } from './setting.ts';

/** A part of the table in `settings.ts`. */
export const TRACE_SETTINGS = {
  otelDisabled: setting({
    name: 'OTEL_SDK_DISABLED',
    kind: choice('true', 'false'),
    default: 'false',
    meaning: '`true`: no traces, whatever the other variables say.',
  }),
  otelExporter: setting({
    name: 'OTEL_TRACES_EXPORTER',
    kind: choice('otlp', 'none'),
    default: null,
    meaning:
      'Whether traces are sent over OTLP. If unset: `otlp` if OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, otherwise `none`.',
  }),
  otelEndpoint: setting({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    kind: linkUrl,
    default: null,
    meaning: 'The collector of traces. They are posted to `v1/traces` below it. If unset: port 4318 of this machine.',
  }),
  otelTracesEndpoint: setting({
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    kind: linkUrl,
    default: null,
    meaning: 'The same, as the whole address. It comes before OTEL_EXPORTER_OTLP_ENDPOINT.',
  }),
  otelProtocol: setting({
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    kind: choice('http/protobuf', 'http/json'),
    default: 'http/protobuf',
    meaning: 'The form in which traces are posted.',
  }),
  otelHeaders: setting({
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    kind: pairs(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
    default: null,
    meaning: 'Headers of these posts: what the collector asks for, such as a key.',
    secret: true,
  }),
  otelTimeoutMs: setting({
    name: 'OTEL_EXPORTER_OTLP_TIMEOUT',
    kind: integer(1, 600_000),
    default: 10_000,
    meaning: 'Milliseconds that a post may take, with its repetitions.',
  }),
  otelSampler: setting({
    name: 'OTEL_TRACES_SAMPLER',
    kind: choice('always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'),
    default: 'parentbased_always_on',
    meaning:
      'Which traces are recorded, decided at their head: all, none, or a share (OTEL_TRACES_SAMPLER_ARG). `parentbased_`: a service that sends `traceparent` decides about its own.',
  }),
  otelSamplerRatio: setting({
    name: 'OTEL_TRACES_SAMPLER_ARG',
    kind: fraction,
    default: 1,
    meaning: 'The share of new traces that a sampler with a ratio records.',
  }),
  otelServiceName: setting({
    name: 'OTEL_SERVICE_NAME',
    kind: text('a text', /^[^\p{Cc}]{1,255}$/u),
    default: null,
    meaning: 'The name of this program in traces. If unset: parley-gateway, parley-api, parley-worker or parley-all-in-one.',
  }),
  otelResource: setting({
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    kind: pairs(/^[^\s"\\;,]{1,255}$/),
    default: null,
    meaning: 'What else is said about this program in traces, such as `deployment.environment.name=prod`.',
  }),
  otelDelayMs: setting({
    name: 'OTEL_BSP_SCHEDULE_DELAY',
    kind: integer(1, 600_000),
    default: 5000,
    meaning: 'Milliseconds between two posts.',
  }),
  otelQueueMax: setting({
    name: 'OTEL_BSP_MAX_QUEUE_SIZE',
    kind: integer(1, 1_000_000),
    default: 2048,
    meaning: 'Spans that wait for a post at most. Further ones are dropped and counted.',
  }),
};
