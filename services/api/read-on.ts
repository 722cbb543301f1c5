import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** Bytes and milliseconds after which the sender of a body that is too large is no longer heard. */
const READ_MAX_BYTES = 16 * 1024 * 1024;
const READ_MAX_MS = 5000;

/**
 * Reads the rest of a body and drops it, up to a limit. A connection that is closed with bytes unread is reset, and its other end may never get to read the answer
 * (RFC 9112 section 9.6). What came through the bridge was read there.
 */
export function readOn(request: IncomingMessage): Promise<void> {
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
