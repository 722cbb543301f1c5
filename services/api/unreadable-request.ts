import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS } from '#libs/protocol/errors.ts';
import { METHODS } from './request-faults.ts';

/** Errors of Node's parser that have a status of their own. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_METHOD: 405,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what Node's parser gave up on before there was a request, and ends the connection (RFC 9112 section 9.6). */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[error.code ?? ''] ?? 400;
  const reason = STATUS_CODES[status] ?? '';
  const code = status === 405 ? 'METHOD_NOT_ALLOWED' : 'INVALID_REQUEST';
  const message = status === 405 ? ERRORS[code].message : `the request cannot be read: ${reason}`;
  const body = JSON.stringify({ code, message, requestId: randomUUID() });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    'Cache-Control: no-store',
    `Content-Length: ${body.length}`,
    ...(status === 405 ? [`Allow: ${METHODS.join(', ')}`] : []),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
