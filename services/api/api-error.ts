/**
 * The form of every error of the API, and the requests that are rejected before a route: faults,
 * unknown methods, unreadable bytes.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { transportSecurity } from '#libs/config/public-url.ts';
import { faultOf, HeaderLines } from '#libs/http/header-lines.ts';
import { type Ban, banMembers, ERRORS, type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import { RETRY_SECONDS } from '#libs/protocol/limits.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Errors of Node's parser that have a status of their own. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_METHOD: 405,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** The parts of an answer that no route gives. */
export interface AnswerParts {
  /** Returns a fresh id for the answer: `X-Request-Id`. */
  readonly uuid: () => string;
  readonly publicUrl: string | undefined;
}

/**
 * Answers a request that Node's parser cannot read, and ends the connection (RFC 9112 section 9.6).
 * The status is 400, 405, 408 or 431.
 */
export function answerUnreadable(
  error: Error & { readonly code?: string | undefined },
  socket: Duplex,
  { uuid, publicUrl }: AnswerParts,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[error.code ?? ''] ?? 400;
  const reason = STATUS_CODES[status] ?? '';
  const code = status === 405 ? 'METHOD_NOT_ALLOWED' : 'INVALID_REQUEST';
  const message = status === 405 ? ERRORS[code].message : `the request cannot be read: ${reason}`;
  const requestId = uuid();
  const body = JSON.stringify({ code, message, requestId });
  const security = transportSecurity(publicUrl);
  const fields = {
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': body.length,
    'x-request-id': requestId,
    ...(security === undefined ? {} : { 'strict-transport-security': security }),
    ...(status === 405 ? { allow: METHODS.join(', ') } : {}),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * Answers the requests that Node would answer or drop itself. CONNECT gets 405 like any other
 * method. An `Expect` header is ignored (RFC 9110 section 10.1.1).
 */
export function answerAll({ server }: Pick<FastifyInstance, 'server'>, parts: AnswerParts): void {
  server.on('connect', (_request, socket) =>
    answerUnreadable(Object.assign(new Error('CONNECT'), { code: 'HPE_INVALID_METHOD' }), socket, parts),
  );
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
}

/** The methods that a route of the API may have. Any other method gets 405. */
export const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Registers `routes`, and answers every other method on their paths with 405 and `Allow` (RFC 9110
 * section 15.5.6) instead of 404.
 */
export function refuseOtherMethods(app: FastifyInstance, routes: (guarded: FastifyInstance) => void): void {
  const taken = new Map<string, Set<string>>();
  app.register(async (guarded) => {
    guarded.addHook('onRoute', ({ method, url }) => {
      const methods = taken.get(url) ?? new Set<string>();
      taken.set(url, methods);
      for (const one of Array.isArray(method) ? method : [method]) methods.add(one);
    });
    routes(guarded);
  });
  app.register(async (rest) => {
    for (const [url, methods] of taken) {
      const allow = [...methods].join(', ');
      rest.route({
        method: METHODS.filter((method) => !methods.has(method)),
        url,
        handler: (_request, reply) => send(reply.header('allow', allow), 'METHOD_NOT_ALLOWED'),
      });
    }
  });
}

/**
 * Rejects requests that two servers may read in two ways (400), and methods that no route has (405
 * with `Allow`, RFC 9110 section 15.5.6).
 */
export function refuseFaults(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, raw }, reply) => {
    const fault = targetFault(raw.url ?? '') ?? hostFault(raw) ?? faultOf(method, HeaderLines.fromRaw(raw.rawHeaders));
    if (fault !== undefined) return send(reply, 'INVALID_REQUEST', fault);
    if (!METHODS.includes(method)) return send(reply.header('allow', METHODS.join(', ')), 'METHOD_NOT_ALLOWED');
    return undefined;
  });
}

/** Checks RFC 9112 section 3.2: a request of HTTP/1.1 has a `Host`. */
function hostFault({ httpVersion, headers }: IncomingMessage): string | undefined {
  return httpVersion !== '1.0' && headers.host === undefined ? 'a request of HTTP/1.1 must have a Host' : undefined;
}

/**
 * Checks RFC 9112 section 3.2.1: the target is an absolute path with an optional query. A browser
 * would read two slashes at its start as the name of a host.
 */
function targetFault(url: string): string | undefined {
  const isOriginForm = /^\/(?![/\\])[\x21-\x7e]*$/.test(url) && URL.canParse(url, 'http://localhost');
  return isOriginForm ? undefined : 'the request target must be a path with an optional query';
}

/**
 * Answers new requests with 503 `DRAINING` while `draining` returns true (D1). Earlier requests are
 * served to their end. Both answers end their connection, so a balancer sends the next request to
 * another process.
 */
export function refuseWhileDraining(app: FastifyInstance, draining: () => boolean): void {
  app.addHook('onRequest', async (_request, reply) => {
    if (!draining()) return undefined;
    return send(reply, 'DRAINING', undefined, undefined, RETRY_SECONDS);
  });
  app.addHook('onSend', async (_request, reply) => {
    if (draining()) reply.header('connection', 'close');
  });
}

/** Bytes and milliseconds after which the rest of a body that is too large is no longer read. */
const READ_MAX_BYTES = 16 * 1024 * 1024;
const READ_MAX_MS = 5000;

/**
 * Reads and drops the rest of a body, up to a limit. If a server closes a connection with unread
 * bytes, TCP resets it, and the client may never see the answer (RFC 9112 section 9.6). The bridge
 * has read its bodies already.
 */
function readOn(request: IncomingMessage): Promise<void> {
  if (!(request.socket instanceof Socket) || request.readableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const timer = setTimeout(resolve, READ_MAX_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > READ_MAX_BYTES) done();
    });
    request.once('end', done).once('close', done);
    request.resume();
  });
}

interface Detail {
  /** JSON pointer (RFC 6901) into the request. */
  readonly path: string;
  readonly message: string;
}

/** The body of every error. */
interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  /** One entry for each fault, for a request that does not match its schema. */
  readonly details?: readonly Detail[];
  /** Of `BANNED`: the end of the ban, Unix milliseconds, and why. */
  readonly until?: number;
  readonly reason?: string;
  readonly requestId: string;
}

/**
 * Thrown for a wrong member of a request if the schema cannot express the rule. The answer is 400
 * `INVALID_REQUEST` and names the member.
 */
export class MemberError extends HubError {
  /** JSON pointer (RFC 6901) into the body. */
  readonly path: string;
  /** The fault, as the end of a sentence that begins with the member. */
  readonly problem: string;

  constructor(path: string, problem: string) {
    super('INVALID_REQUEST');
    this.path = path;
    this.problem = problem;
  }
}

/**
 * Gives every error the same form, whether it comes from the hub or from the framework. An
 * unexpected error is logged, and its answer says only `INTERNAL`.
 */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError | HubError, request, reply) => {
    if (error instanceof MemberError) return sendInvalid([{ path: error.path, message: error.problem }], request, reply);
    if (error instanceof HubError) return send(reply, error.code, error.message, ERRORS[error.code].status, error.retryAfter, error.ban);
    if (error.validation) return sendInvalid(error.validation.map(detailOf), request, reply);
    const status = error.statusCode ?? 500;
    if (status === 413) return readOn(request.raw).then(() => send(reply, 'TOO_LARGE'));
    if (status >= 400 && status < 500) return send(reply, 'INVALID_REQUEST', error.message, status);
    log.error({ err: error, request: request.id }, 'request failed');
    return send(reply, 'INTERNAL');
  });
  app.setNotFoundHandler((_request, reply) => send(reply, 'NOT_FOUND'));
}

/** Answers with an error of the table. `retryAfter` is in seconds. `ban`: with `BANNED`. */
export function send(
  reply: FastifyReply,
  code: ErrorCode,
  message: string = ERRORS[code].message,
  status: number = ERRORS[code].status,
  retryAfter?: number,
  ban?: Ban,
): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', Math.ceil(retryAfter));
  const body: ErrorBody = { code, message, ...banMembers(ban), requestId: reply.request.id };
  return reply.status(status).send(body);
}

function detailOf({ instancePath, message = 'is not valid', params }: NonNullable<FastifyError['validation']>[number]): Detail {
  const unknown = params['additionalProperty'];
  const missing = params['missingProperty'];
  if (typeof unknown === 'string') return { path: `${instancePath}/${pointer(unknown)}`, message: 'is not a member of this request' };
  if (typeof missing === 'string') return { path: `${instancePath}/${pointer(missing)}`, message: 'is missing' };
  return { path: instancePath, message };
}

/** Escapes a name for a JSON pointer (RFC 6901 section 3). */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function sendInvalid(details: readonly Detail[], request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const body: ErrorBody = { code: 'INVALID_REQUEST', message: ERRORS.INVALID_REQUEST.message, details, requestId: request.id };
  return reply.status(400).send(body);
}
