import { connect } from 'node:net';

const WAIT_MS = 30_000;

/** One answer, as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case. Several lines of one name are joined by a line break. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends bytes unchanged. Resolves with all received bytes when the other side ends the connection,
 * or when `enough` returns true.
 *
 * @param from The client's own address.
 */
export function exchange(
  port: number,
  request: string | Buffer,
  enough: (read: string) => boolean = () => false,
  from = '127.0.0.1',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    let read = '';
    const late = setTimeout(() => {
      reject(new Error(`no end of the answer to ${request.toString().slice(0, 300)}: ${read.slice(0, 300)}`));
      socket.destroy();
    }, WAIT_MS);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      read += chunk;
      if (enough(read)) socket.destroy();
    });
    // A reset after the answer also ends the exchange.
    socket.once('error', (error) => (read === '' ? reject(error) : resolve(read)));
    socket.once('close', () => {
      clearTimeout(late);
      resolve(read);
    });
    socket.write(request);
  });
}

/** Returns a request with `Host`, `Connection: close` and a body. */
export function requestText(line: string, headers: readonly string[] = [], body = ''): string {
  return [`${line} HTTP/1.1`, 'Host: chat.test', 'Connection: close', ...headers, '', body].join('\r\n');
}

/** Parses the answer in a text. Joins a chunked body. */
export function parseAnswer(text: string): WireAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [line = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const one of lines) {
    const colon = one.indexOf(':');
    const name = one.slice(0, colon).toLowerCase();
    const value = one.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`;
  }
  const rest = text.slice(end + 4);
  return { status: Number(line.split(' ')[1]), headers, body: headers['transfer-encoding'] === 'chunked' ? unchunked(rest) : rest };
}

function unchunked(text: string): string {
  let body = '';
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
