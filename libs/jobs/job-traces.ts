/** The traces of jobs: from the request that queues one to the worker that does it. */
import { endWith, type Span, type SpanAttributes, type Tracer } from '#libs/telemetry/tracer.ts';
import type { Job, JobHandler, JobOutcome, QueueName } from './jobs.ts';

function attributesOf(queue: QueueName, operation: 'send' | 'process'): SpanAttributes {
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queue,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
  };
}

/** Begins the step that queues a job; undefined if nothing that is traced queues it. */
export function sendStep(tracer: Tracer | undefined, queue: QueueName): Span | undefined {
  return tracer?.active?.child(`send ${queue}`, 'producer', attributesOf(queue, 'send'));
}

/** Does a job. `trace`: the `traceparent` that it was queued with. */
export type TracedHandler<Q extends QueueName> = (job: Job<Q>, trace: string | undefined) => Promise<JobOutcome>;

/**
 * Returns a handler whose attempts are traced: as the request that queued the job, or, if none was,
 * as any trace that begins here. A job's id may be the name of a room: it stays out.
 */
export function tracedHandler<Q extends QueueName>(tracer: Tracer | undefined, queue: Q, handler: JobHandler<Q>): TracedHandler<Q> {
  if (tracer === undefined) return handler;
  const attributes = attributesOf(queue, 'process');
  return (job, traceparent) => {
    const span = tracer.resume({ traceparent }, `process ${queue}`, 'consumer', { ...attributes, 'parley.job.attempt': job.attempt });
    return span === undefined
      ? handler(job)
      : endWith(
          span,
          tracer.within(span, () => handler(job)),
        );
  };
}
