/** The trace of a message that is written. */
import type { Span, SpanAttributes } from '#libs/telemetry/tracer.ts';

/** The trace of one message that is recorded. */
export interface MessageTrace {
  readonly span: Span;
  /** The message has its id. It is not published yet. */
  named?(id: string): void;
}

const SCRIPT: SpanAttributes = { 'db.system.name': 'redis', 'db.operation.name': 'publish' };
const STORE: SpanAttributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'INSERT', 'db.collection.name': 'messages' };

/** Begins a trace's part of a publication, under the message's id. */
export function nameTrace({ span, named }: MessageTrace, id: string): void {
  span.set({ 'messaging.message.id': id });
  named?.(id);
}

/** Begins the step `script`, in which Redis takes the message; undefined without a trace. */
export function scriptStep(trace: MessageTrace | undefined): Span | undefined {
  return trace?.span.child('script', 'client', SCRIPT);
}

/** As `scriptStep`: the step `store`, with the wait for the statement that takes other messages along. */
export function storeStep(trace: MessageTrace | undefined): Span | undefined {
  return trace?.span.child('store', 'client', STORE);
}
