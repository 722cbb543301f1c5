import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { transportSecurity } from '#libs/config/public-url.ts';
import { ERRORS } from '#libs/protocol/errors.ts';
import { METHODS } from './request-faults.ts';

/** Errors of Node's parser that have a status of their own. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_METHOD: 405,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What an answer has that no route gives. */
export interface AnswerParts {
  /** Names the answer: `X-Request-Id`. */
  readonly uuid: () => string;
  readonly publicUrl: string | undefined;
}

/** Answers what Node's parser gave up on before there was a request, and ends the connection (RFC 9112 section 9.6). */
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

/** Takes over what Node answers, or drops, by itself: CONNECT is a method like others, and an expectation may be passed over (RFC 9110 section 10.1.1). */
export function answerAll({ server }: Pick<FastifyInstance, 'server'>, parts: AnswerParts): void {
  server.on('connect', (_request, socket) =>
    answerUnreadable(Object.assign(new Error('CONNECT'), { code: 'HPE_INVALID_METHOD' }), socket, parts),
  );
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
}
