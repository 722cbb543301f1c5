/** The spans that wait to be sent. Bounded: what does not fit is dropped and counted. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';

/** What became of a span: sent, lost since the exporter failed, or dropped since the queue was full. */
export type SpanResult = 'exported' | 'failed' | 'dropped';

/** Options of `SpanQueue`. */
export interface SpanQueueOptions {
  readonly exporter: SpanExporter;
  readonly delayMs: number;
  readonly queueMax: number;
  readonly timeoutMs: number;
  readonly counted: (result: SpanResult, spans: number) => void;
  readonly log: Pick<Logger, 'warn'>;
}

/** The most spans of one batch. */
const BATCH_MAX = 512;
/** Milliseconds after the exporter's own limit until a batch is given up. */
const MARGIN_MS = 1000;

/** OpenTelemetry's batches, which say nothing about what they lose, with a count beside them. */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  readonly #batches: BatchSpanProcessor;
  #waiting = 0;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
    const { exporter, delayMs, queueMax, timeoutMs } = options;
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        shutdown: () => exporter.shutdown(),
      },
      scheduledDelayMillis: delayMs,
      exportTimeoutMillis: timeoutMs + MARGIN_MS,
      maxQueueSize: queueMax,
      maxExportBatchSize: Math.min(BATCH_MAX, queueMax),
    });
  }

  onStart(): void {
    // A span waits from its end on.
  }

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= this.#options.queueMax) {
      this.#options.counted('dropped', 1);
      return;
    }
    this.#waiting += 1;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const { exporter, counted, log } = this.#options;
    this.#waiting -= spans.length;
    exporter.export(spans, (result) => {
      const isSent = result.code === ExportResultCode.SUCCESS;
      counted(isSent ? 'exported' : 'failed', spans.length);
      if (!isSent)
        log.warn(
          { err: result.error, spans: spans.length },
          'spans of traces are lost: the collector (OTEL_EXPORTER_OTLP_ENDPOINT) did not take them',
        );
      done(result);
    });
  }
}
