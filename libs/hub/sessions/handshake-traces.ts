/** The traces of handshakes between their 101 and the open socket: of the chosen ones alone. */
import type { Span, SpanAttributes } from '#libs/telemetry/tracer.ts';
import type { Connection } from './connection.ts';

const REDIS: SpanAttributes = { 'db.system.name': 'redis' };

/** Begins the step `presence`: the connection is counted. Undefined without a trace. */
export function presenceStep(span: Span | undefined): Span | undefined {
  return span?.child('presence', 'client', REDIS);
}

/** As `presenceStep`: the step `kick`, which ends older logins of the user (R4). */
export function kickStep(span: Span | undefined): Span | undefined {
  return span?.child('kick', 'client', REDIS);
}

export class HandshakeTraces {
  readonly #spans = new Map<Connection, Span>();

  /** Keeps the span of a connection until it is taken. */
  keep(connection: Connection, span: Span): void {
    this.#spans.set(connection, span);
  }

  /** Returns the span of a connection and forgets it. Undefined: none is kept. */
  take(connection: Connection): Span | undefined {
    if (this.#spans.size === 0) return undefined;
    const span = this.#spans.get(connection);
    this.#spans.delete(connection);
    return span;
  }
}
