/** The traces of requests: those of the routes of the API, not of the files of the pages. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Span, SpanAttributes, TraceHeaders, Tracer } from '#libs/telemetry/tracer.ts';
import { routeOf } from './observe-answers.ts';

const spans = new WeakMap<FastifyRequest, Span>();

/** The id of the trace of a request; undefined if it is not recorded. */
export function traceIdOf(request: FastifyRequest): string | undefined {
  return spans.get(request)?.traceId;
}

/**
 * Traces the requests of `app`. `Tracer.active` is the span of a request in its handler.
 *
 * A service with a key continues its own trace (`traceparent`, W3C Trace Context). Nobody else does:
 * whoever can send a header could otherwise have every request of theirs recorded, and put it among
 * the traces of others. So the header is read after the guard of the route.
 */
export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  // The guards are hooks of an earlier stage. The body is not read yet.
  app.addHook('preParsing', async (request, reply) => void begin(tracer, request, reply));
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else tracer.within(span, done);
  });
  app.addHook('onResponse', async (request, reply) => {
    // What was refused before is traced from its answer.
    if (!spans.has(request)) begin(tracer, request, reply, false);
    const span = spans.get(request);
    if (span === undefined) return;
    const { statusCode } = reply;
    span.set({ 'http.response.status_code': statusCode });
    if (statusCode >= 500) span.fail(String(statusCode));
    span.end();
  });
}

function begin(tracer: Tracer, request: FastifyRequest, reply: FastifyReply, isAdmitted = true): void {
  const route = routeOf(request);
  const path = request.routeOptions.url;
  if (path === undefined || route === 'page') return;
  const attributes: SpanAttributes = { 'http.request.method': request.method, 'http.route': path, 'parley.request.id': request.id };
  const since = performance.now() - reply.elapsedTime;
  const headers = isAdmitted && request.routeOptions.config.access?.by === 'service' ? headersOf(request) : {};
  const span = tracer.resume(headers, route, 'server', attributes, since);
  if (span !== undefined) spans.set(request, span);
}

function headersOf({ headers: { traceparent, tracestate } }: FastifyRequest): TraceHeaders {
  return { traceparent: one(traceparent), tracestate: one(tracestate) };
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
