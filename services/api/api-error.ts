import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Bytes and milliseconds after which the sender of a body that is too large is no longer heard. */
const READ_MAX_BYTES = 16 * 1024 * 1024;
const READ_MAX_MS = 5000;

/**
 * Reads the rest of a body and drops it, up to a limit. A connection that is closed with bytes unread is reset, and its other end may never get to read the answer
 * (RFC 9112 section 9.6). What came through the bridge was read there.
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
  /** JSON pointer. */
  readonly path: string;
  readonly message: string;
}

/** The body of every answer that is not a success. */
interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  /** What is wrong where, for a body that does not follow the schema. */
  readonly details?: readonly Detail[];
  readonly requestId: string;
}

/** A member of a request that is wrong in a way its schema cannot tell: 400 `INVALID_REQUEST` naming it. */
export class MemberError extends HubError {
  /** JSON pointer into the body. */
  readonly path: string;
  readonly problem: string;

  constructor(path: string, problem: string) {
    super('INVALID_REQUEST');
    this.path = path;
    this.problem = problem;
  }
}

/** Gives every error, of ours and of the framework's, the one form. What nobody foresaw is logged, and told to nobody. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError | HubError, request, reply) => {
    if (error instanceof MemberError) return sendInvalid([{ path: error.path, message: error.problem }], request, reply);
    if (error instanceof HubError) return send(reply, error.code, error.message, ERRORS[error.code].status, error.retryAfter);
    if (error.validation) return sendInvalid(error.validation.map(detailOf), request, reply);
    const status = error.statusCode ?? 500;
    if (status === 413) return readOn(request.raw).then(() => send(reply, 'TOO_LARGE'));
    if (status >= 400 && status < 500) return send(reply, 'INVALID_REQUEST', error.message, status);
    log.error({ err: error, request: request.id }, 'request failed');
    return send(reply, 'INTERNAL');
  });
  app.setNotFoundHandler((_request, reply) => send(reply, 'NOT_FOUND'));
}

/** Answers with a code of the table. */
export function send(
  reply: FastifyReply,
  code: ErrorCode,
  message: string = ERRORS[code].message,
  status: number = ERRORS[code].status,
  retryAfter?: number,
): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', Math.ceil(retryAfter));
  const body: ErrorBody = { code, message, requestId: reply.request.id };
  return reply.status(status).send(body);
}

function detailOf({ instancePath, message = 'is not valid', params }: NonNullable<FastifyError['validation']>[number]): Detail {
  const unknown = params['additionalProperty'];
  const missing = params['missingProperty'];
  if (typeof unknown === 'string') return { path: `${instancePath}/${pointer(unknown)}`, message: 'is not a member of this request' };
  if (typeof missing === 'string') return { path: `${instancePath}/${pointer(missing)}`, message: 'is missing' };
  return { path: instancePath, message };
}

/** A name as a part of a JSON pointer (RFC 6901 section 3). */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function sendInvalid(details: readonly Detail[], request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const body: ErrorBody = { code: 'INVALID_REQUEST', message: ERRORS.INVALID_REQUEST.message, details, requestId: request.id };
  return reply.status(400).send(body);
}
