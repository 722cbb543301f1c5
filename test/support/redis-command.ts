import { connect } from 'node:net';

/** A reply of Redis as plain values. An error reply rejects. */
export type RedisReply = string | number | null | RedisReply[];

class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

/**
 * Runs one command on a connection of its own, so that it works after every restart. Rejects after
 * `timeoutMs`.
 */
export function redisCommand(port: number, args: readonly (string | number)[], timeoutMs = 5000): Promise<RedisReply> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let read = Buffer.alloc(0);
    const finish = (done: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      done();
    };
    const timer = setTimeout(() => finish(() => reject(new Error(`no reply to ${args.join(' ')} in ${timeoutMs} ms`))), timeoutMs);
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('close', () => finish(() => reject(new Error(`connection closed before the reply to ${args.join(' ')}`))));
    socket.on('connect', () => {
      const parts = args.map(String).map((text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`);
      socket.write(`*${args.length}\r\n${parts.join('')}`);
    });
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk]);
      const parsed = parse(read, 0);
      if (parsed === undefined) return;
      const { value } = parsed;
      finish(() => (value instanceof ReplyError ? reject(value) : resolve(value)));
    });
  });
}

interface Parsed {
  readonly value: RedisReply | ReplyError;
  readonly end: number;
}

function parse(bytes: Buffer, start: number): Parsed | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { value: line, end: next };
    case '-':
      return { value: new ReplyError(line), end: next };
    case ':':
      return { value: Number(line), end: next };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end: next };
      if (bytes.length < next + length + 2) return undefined;
      return { value: bytes.toString('utf8', next, next + length), end: next + length + 2 };
    }
    case '*': {
      const count = Number(line);
      if (count < 0) return { value: null, end: next };
      const items: RedisReply[] = [];
      let at = next;
      for (let i = 0; i < count; i += 1) {
        const item = parse(bytes, at);
        if (item === undefined) return undefined;
        items.push(item.value instanceof ReplyError ? item.value.message : item.value);
        at = item.end;
      }
      return { value: items, end: at };
    }
    default:
      return { value: new ReplyError(`unreadable reply: ${line}`), end: next };
  }
}
