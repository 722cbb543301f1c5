/**
 * The port to traces. Without traces a program has no tracer: `undefined` in its place, so that
 * nothing is made, counted or asked but that.
 */

/** What a span does, in the words of OpenTelemetry. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/**
 * Attributes of a span, named by OpenTelemetry's semantic conventions. Never the text of a person, a
 * token, a name, an id of a user or the name of a room.
 */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** One step of a recorded trace. A trace that is not recorded has no spans. */
export interface Span {
  /** Of the trace: 32 hexadecimal digits. */
  readonly traceId: string;
  /** What continues this span elsewhere (W3C Trace Context, section 3.2). */
  readonly traceparent: string;
  /** Starts a step of this one. It may outlive it. */
  child(name: string, kind: SpanKind, attributes?: SpanAttributes): Span;
  /** Adds a step of this one that is over: it took `seconds`, until now. */
  over(name: string, kind: SpanKind, seconds: number, attributes?: SpanAttributes): void;
  set(attributes: SpanAttributes): void;
  /** Marks the step as failed. `code`: of the error table, or another word of a small set. */
  fail(code: string): void;
  /** Ends the step. Later calls do nothing. */
  end(): void;
}

/** The headers that continue a trace of somebody else. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** A program's traces. */
export interface Tracer {
  /**
   * Begins a trace, if the head of it is chosen (`OTEL_TRACES_SAMPLER`). If not, this costs a random
   * number.
   *
   * @param since When it began, milliseconds of `performance.now()`. Default: now.
   */
  begin(name: string, kind: SpanKind, attributes: SpanAttributes, since?: number): Span | undefined;
  /**
   * Continues a trace, if it is chosen. Headers that are no trace context begin one, as `begin`.
   */
  resume(headers: TraceHeaders, name: string, kind: SpanKind, attributes: SpanAttributes, since?: number): Span | undefined;
  /** Runs `work` so that `active` is the span in it, and in all that it awaits. */
  within<T>(span: Span, work: () => T): T;
  /** The span of `within`, as long as it has not ended. */
  readonly active: Span | undefined;
  /** Sends what waits, for a few seconds at most. Never rejects. */
  close(): Promise<void>;
}

/** Ends a span when a promise settles. Returns a promise that settles as it does. */
export function endWith<T>(span: Span | undefined, work: Promise<T>): Promise<T> {
  return span === undefined ? work : ended(span, work);
}

async function ended<T>(span: Span, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    span.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The code or the name of an error: never its text. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
