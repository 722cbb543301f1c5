import { connect, type Socket } from 'node:net';
import { redisCommand } from './redis-command.ts';
import { until } from './wait.ts';

/** A received publication. */
export interface Heard {
  readonly channel: string;
  readonly payload: string;
}

/**
 * Receives the publications of a redis-server in the server's order. It ends with the server; make
 * a new one then.
 */
export class RedisEar {
  readonly heard: Heard[] = [];
  readonly #port: number;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #subscribed = 0;
  #marks = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk) => this.#read(Buffer.concat([this.#rest, chunk])));
  }

  /** Listens to all channels that start with `prefix`. */
  static async open(port: number, prefix: string): Promise<RedisEar> {
    const ear = new RedisEar(port);
    ear.#send('PSUBSCRIBE', `${prefix}*`, `ear-mark-${prefix}*`);
    await until(() => ear.#subscribed === 2, { describe: 'subscribed' });
    return ear;
  }

  /** Listens to sharded channels of one slot. */
  static async openSharded(port: number, channel: string): Promise<RedisEar> {
    const ear = new RedisEar(port);
    ear.#send('SSUBSCRIBE', channel);
    await until(() => ear.#subscribed === 1, { describe: 'subscribed' });
    return ear;
  }

  /** Resolves when every earlier publication has arrived. Only after `open`. */
  async caughtUp(prefix: string): Promise<void> {
    this.#marks += 1;
    const mark = `ear-mark-${prefix}-${this.#marks}`;
    await redisCommand(this.#port, ['PUBLISH', mark, '']);
    await until(() => this.heard.some(({ channel }) => channel === mark), { describe: 'the mark was heard' });
  }

  on(channel: string): string[] {
    return this.heard.filter((one) => one.channel === channel).map(({ payload }) => payload);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(...args: string[]): void {
    this.#socket.write(`*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`);
  }

  /** A subscriber's connection carries only arrays of bulk strings and integers. */
  #read(bytes: Buffer): void {
    let at = 0;
    for (;;) {
      const push = readPush(bytes, at);
      if (push === undefined) break;
      at = push.end;
      const [kind, ...rest] = push.items;
      if (kind === 'psubscribe' || kind === 'ssubscribe') this.#subscribed += 1;
      else this.heard.push({ channel: rest.at(-2) ?? '', payload: rest.at(-1) ?? '' });
    }
    this.#rest = bytes.subarray(at);
  }
}

function readPush(bytes: Buffer, start: number): { items: string[]; end: number } | undefined {
  let at = start;
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const text = bytes.toString('utf8', at, end);
    at = end + 2;
    return text;
  };
  const head = line();
  if (head === undefined) return undefined;
  const items: string[] = [];
  for (let i = 0; i < Number(head.slice(1)); i += 1) {
    const item = line();
    if (item === undefined) return undefined;
    if (item.startsWith(':')) {
      items.push(item.slice(1));
      continue;
    }
    const length = Number(item.slice(1));
    if (bytes.length < at + length + 2) return undefined;
    items.push(bytes.toString('utf8', at, at + length));
    at += length + 2;
  }
  return { items, end: at };
}
