import type { Tracer } from '#libs/telemetry/tracer.ts';
import type { StoreObserver } from './database.ts';

/**
 * Returns an observer that also adds each statement to the trace of the request or job that waits for
 * it, by verb and table: never with its values. Without a tracer it is the given one itself.
 */
export function tracedStore(observer: StoreObserver, tracer: Tracer | undefined): StoreObserver {
  if (tracer === undefined) return observer;
  return {
    ...observer,
    statement(statement, seconds) {
      observer.statement(statement, seconds);
      tracer.active?.over(statement, 'client', seconds, { 'db.system.name': 'postgresql', 'db.query.summary': statement });
    },
  };
}
